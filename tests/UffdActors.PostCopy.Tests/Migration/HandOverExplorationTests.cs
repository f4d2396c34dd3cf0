using UffdActors.PostCopy.Migration;

namespace UffdActors.PostCopy.Tests.Migration;

/// <summary>Who runs the guest, whatever the wire does: the rules of WIRE.md.</summary>
public sealed class HandOverExplorationTests
{
    private const int Runs = 20_000;

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void The_guest_never_runs_on_both_sides_and_every_migration_comes_to_an_end(bool abandons, bool replaces)
    {
        int moved = 0, cut = 0, again = 0, replaced = 0;
        for (ulong seed = 1; seed <= Runs; seed++)
        {
            TwoSidedRun run = new(seed, HandOverFlaw.None);
            run.Run(abandons, replaces);
            Assert.True(run.Violation is null, $"seed {seed}: {run.Violation}");
            if (run.HasMoved) moved++;
            if (run.Cuts > 0) cut++;
            if (run.HandOvers > 1) again++;
            if (run.Replacements > 0) replaced++;
        }

        // A floor for what the runs must have exercised.
        Assert.True(moved > Runs / 2, $"{moved} of {Runs} guests have moved");
        Assert.True(cut > Runs / 2, $"{cut} of {Runs} links were cut");
        Assert.True(again > Runs / 100, $"{again} of {Runs} guests were handed over more than once");
        Assert.Equal(replaces, replaced > Runs / 2);
    }

    [Theory]
    [InlineData(nameof(HandOverFlaw.ResumeInDoubt), false, false)]
    [InlineData(nameof(HandOverFlaw.RunAfterWelcome), false, false)]
    [InlineData(nameof(HandOverFlaw.EndToldOnce), false, false)]
    [InlineData(nameof(HandOverFlaw.ResumeAfterLoss), true, false)]
    [InlineData(nameof(HandOverFlaw.TrustAnother), false, true)]
    public void A_rule_that_is_broken_is_found(string flaw, bool abandons, bool replaces)
    {
        for (ulong seed = 1; seed <= Runs; seed++)
        {
            TwoSidedRun run = new(seed, Enum.Parse<HandOverFlaw>(flaw));
            run.Run(abandons, replaces);
            if (run.Violation is not null) return;
        }

        Assert.Fail($"{flaw} was not found in {Runs} runs");
    }
}
