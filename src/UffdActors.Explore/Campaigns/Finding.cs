using UffdActors.Explore.Oracles;
using UffdActors.Explore.Scenarios;

namespace UffdActors.Explore.Campaigns;

/// <summary>A violation, and what repeats it.</summary>
/// <param name="Scenario">The scenario of the run.</param>
/// <param name="Violation">The broken invariant.</param>
/// <param name="Choices">The choices of the run.</param>
/// <param name="Hash">Trace hash of the run.</param>
/// <param name="Steps">Its steps.</param>
/// <param name="Policy">Policy that found it.</param>
/// <param name="Schedules">Schedules that it took.</param>
internal sealed record Finding(
    Scenario Scenario, Violation Violation, IReadOnlyList<int> Choices, string Hash, int Steps, string Policy, long Schedules)
{
    /// <summary>The run was compared with the sequential kernel.</summary>
    public bool HasReference { get; init; } = true;
}
