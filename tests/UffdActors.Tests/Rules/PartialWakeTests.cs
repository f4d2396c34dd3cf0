using UffdActors.Actors;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Tests.Rules;

/// <summary>As actors, in many orders: a call over several pages wakes the waiters of all that it has done, and nobody else.</summary>
public sealed class PartialWakeTests : IDisposable
{
    private const long Source = 16;
    private const int Seeds = 20;

    private readonly SteppedSystem _system = new();

    public void Dispose() => _system.Dispose();

    [Fact]
    public void A_move_that_stops_half_way_wakes_exactly_what_it_has_moved()
    {
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            using RuleScene scene = new(_system, seed);
            scene.Map(0, 4);
            scene.Map(Source, 4);
            for (int i = 0; i < 2; i++) _ = scene.Do(RuleScene.Access(scene.Main, Source + i, AccessKind.Write));
            UserfaultContext context = scene.Open();
            _ = scene.Do(scene.Register(context, RegisterModes.Missing, 0, 4));
            Access[] waiting = [.. Enumerable.Range(0, 4).Select(i => RuleScene.Access(scene.Thread(), i))];
            scene.RunTogether(waiting);

            Move move = scene.Do(new Move(scene.Main, context, RuleScene.At(0), RuleScene.At(Source), 4 * RuleScene.Page, 0));

            Assert.Equal((Errno.EAGAIN, 2 * (long)RuleScene.Page), (move.Error, move.Out));
            Assert.Equal([true, true, false, false], waiting.Select(w => w.IsFinished));
        }
    }

    [Fact]
    public void Clearing_protection_wakes_the_writers_of_every_page_of_its_range_and_of_no_other()
    {
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            using RuleScene scene = new(_system, seed);
            scene.Map(0, 4);
            for (int i = 0; i < 4; i++) _ = scene.Do(RuleScene.Access(scene.Main, i, AccessKind.Write));
            UserfaultContext context = scene.Open();
            _ = scene.Do(scene.Register(context, RegisterModes.WriteProtect, 0, 4));
            _ = scene.Do(new WriteProtect(scene.Main, context, RuleScene.At(0), 4 * RuleScene.Page, (ulong)WriteProtectModes.Protect));
            Access[] writing = [.. Enumerable.Range(0, 4).Select(i => RuleScene.Access(scene.Thread(), i, AccessKind.Write))];
            scene.RunTogether(writing);

            _ = scene.Do(new WriteProtect(scene.Main, context, RuleScene.At(1), 2 * RuleScene.Page, (ulong)WriteProtectModes.Clear));

            Assert.Equal([false, true, true, false], writing.Select(w => w.IsFinished));
        }
    }
}
