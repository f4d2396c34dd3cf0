using UffdActors.Explore.Scenarios;

namespace UffdActors.Explore.Campaigns;

/// <summary>How much is explored, and how.</summary>
internal sealed record CampaignOptions
{
    /// <summary>The scenario in the mode of the options; one with <c>must-finish = off</c> is never in liveness mode.</summary>
    public Scenario InMode(Scenario scenario) =>
        MustFinish is false && scenario.MustFinish ? scenario with { MustFinish = false } : scenario;

    /// <summary>Schedules of one scenario at the most.</summary>
    public long Schedules { get; init; } = 10_000;

    /// <summary>Time for one scenario; null for no limit.</summary>
    public TimeSpan? Duration { get; init; }

    /// <summary>Name of the policy, or <c>all</c>.</summary>
    public string Policy { get; init; } = "all";

    /// <summary>Seed: the same seed makes the same schedules. Programs that were drawn have their own.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>True for liveness mode, false for safety mode; null for what each scenario says.</summary>
    public bool? MustFinish { get; init; }

    /// <summary>Every run is compared with the sequential kernel.</summary>
    public bool HasReference { get; init; } = true;

    /// <summary>One in so many schedules is made a second time from its choices, and must be the same; 0 for none.</summary>
    public int RepeatOneIn { get; init; } = 256;
}
