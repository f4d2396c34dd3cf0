using UffdActors.Stress.Guest;
using UffdActors.Stress.Plan;

namespace UffdActors.Stress.Tests;

/// <summary>Nothing broken is a pass only if the run has exercised what it is for.</summary>
public sealed class FloorTests
{
    private static readonly StressSnapshot Enough =
        new() { Rounds = 2, Faults = 1, Contended = 1, Eexist = 1, WholePages = 2 * Stresses.Few.Pages };

    [Fact]
    public void A_run_that_has_met_every_floor_passes() => Assert.True(Report(Enough).Passed);

    public static TheoryData<string> Floors => ["faults", "pages compared in full", "locks found taken", "fills that raced (EEXIST)"];

    [Theory]
    [MemberData(nameof(Floors))]
    public void A_run_below_one_floor_does_not_pass(string floor)
    {
        StressReport report = Report(floor switch
        {
            "faults" => Enough with { Faults = 0 },
            "pages compared in full" => Enough with { WholePages = Enough.WholePages - 1 },
            "locks found taken" => Enough with { Contended = 0 },
            _ => Enough with { Eexist = 0 },
        });
        Assert.False(report.Passed);
        Assert.Equal(floor, Assert.Single(report.Floors, f => !f.IsMet).What);
    }

    [Fact]
    public void A_run_without_a_round_or_with_a_violation_does_not_pass()
    {
        Assert.False(Report(Enough with { Rounds = 0, WholePages = 0 }).Passed);
        Assert.False((Report(Enough) with { Violation = new StressViolation(StressOracle.Counter, "wrong", 1, []) }).Passed);
    }

    [Fact]
    public void What_was_not_asked_for_need_not_be_met() =>
        Assert.True(Report(Enough with { Contended = 0, Eexist = 0 }, Stresses.Few with { Vcpus = 1, EexistRate = 0 }).Passed);

    private static StressReport Report(StressSnapshot totals, StressOptions? options = null) => new()
    {
        Options = options ?? Stresses.Few,
        Place = new VmPlace("model", "seed", null, null),
        Dispatcher = "fault-loop",
        WriteProtect = true,
        HasSwap = false,
        Interrupted = false,
        Totals = totals,
        Checks = [.. StressOracles.All.Select(o => (o, 1L))],
        Violation = null,
    };
}
