using UffdActors.Actors;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Tests.Rules;

/// <summary>
/// The two races in which the real kernel loses a wake-up (SEMANTICS 9.2.3), over many orders: under <c>faithful</c> some order does, under
/// <c>strict</c> none. Nobody reads the messages, so nobody can make up for it.
/// </summary>
public sealed class LostWakeTests : IDisposable
{
    private const int Seeds = 400;

    private readonly SteppedSystem _system = new();

    public void Dispose() => _system.Dispose();

    [Fact]
    public void Poison_against_a_fault()
    {
        Assert.InRange(Lost(strict: false, PoisonAgainstFault), 1, Seeds - 1);
        Assert.Equal(0, Lost(strict: true, PoisonAgainstFault));
    }

    [Fact]
    public void Clearing_write_protection_of_a_private_page_of_the_cache_against_a_write()
    {
        Assert.InRange(Lost(strict: false, ClearAgainstWrite), 1, Seeds - 1);
        Assert.Equal(0, Lost(strict: true, ClearAgainstWrite));
    }

    [Fact]
    public void Clearing_write_protection_of_a_page_of_its_own_loses_nothing_in_either()
    {
        Assert.Equal(0, Lost(strict: false, ClearAgainstWriteOfOwnPage));
        Assert.Equal(0, Lost(strict: true, ClearAgainstWriteOfOwnPage));
    }

    [Fact]
    public void What_was_lost_is_found_again_by_WAKE()
    {
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            using RuleScene scene = new(_system, seed, KernelProfile.Linux618 with { StrictWakes = false });
            Access access = PoisonAgainstFault(scene);
            if (access.IsFinished) continue;
            _ = scene.Do(new Wake(scene.Main, access.Context!, RuleScene.At(0), RuleScene.Page));
            Assert.Equal(AccessOutcome.SigBus, access.Outcome);
            return;
        }

        Assert.Fail("no order loses the wake-up");
    }

    private int Lost(bool strict, Func<RuleScene, Access> race)
    {
        int lost = 0;
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            using RuleScene scene = new(_system, seed, KernelProfile.Linux618 with { StrictWakes = strict });
            if (!race(scene).IsFinished) lost++;
        }

        return lost;
    }

    private static Access PoisonAgainstFault(RuleScene scene)
    {
        scene.Map(0, 1);
        UserfaultContext context = scene.Open();
        _ = scene.Do(scene.Register(context, RegisterModes.Missing, 0, 1));
        Access read = RuleScene.Access(scene.Thread(), 0);
        scene.RunTogether([read, RuleScene.Fill(scene.Main, context, FillKind.Poison, 0)]);
        return read;
    }

    private static Access ClearAgainstWrite(RuleScene scene)
    {
        MemoryFile file = scene.NewFile(1);
        scene.Map(0, 1, file, shared: false);
        _ = scene.Do(new WriteFile(scene.Main, file, 0, 5));
        return Race(scene, AccessKind.Read);
    }

    private static Access ClearAgainstWriteOfOwnPage(RuleScene scene)
    {
        scene.Map(0, 1);
        return Race(scene, AccessKind.Write);
    }

    private static Access Race(RuleScene scene, AccessKind populate)
    {
        UserfaultContext context = scene.Open();
        _ = scene.Do(scene.Register(context, RegisterModes.WriteProtect, 0, 1));
        _ = scene.Do(RuleScene.Access(scene.Main, 0, populate));
        _ = scene.Do(Protection(scene, context, WriteProtectModes.Protect));
        Assert.True(scene.EntryAt(0).IsWp);
        Access write = RuleScene.Access(scene.Thread(), 0, AccessKind.Write);
        scene.RunTogether([write, Protection(scene, context, WriteProtectModes.Clear)]);
        return write;
    }

    private static WriteProtect Protection(RuleScene scene, UserfaultContext context, WriteProtectModes modes) =>
        new(scene.Main, context, RuleScene.At(0), RuleScene.Page, (ulong)modes);
}
