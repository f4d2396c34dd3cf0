using UffdActors.Explore.Policies;
using UffdActors.Explore.Scenarios;

namespace UffdActors.Explore.Runs;

/// <summary>A run to make.</summary>
internal sealed record RunRequest
{
    /// <summary>What happens.</summary>
    public required Scenario Scenario { get; init; }

    /// <summary>Order of events, where <see cref="Choices"/> does not give it.</summary>
    public SchedulePolicy Policy { get; init; } = new FifoOrder();

    /// <summary>Seed of everything that is drawn.</summary>
    public ulong Seed { get; init; }

    /// <summary>The choices, if the run is a given one.</summary>
    public IReadOnlyList<int>? Choices { get; init; }

    /// <summary>Compares the run with the sequential kernel. Does not change the run, but may find more violations in it.</summary>
    public bool HasReference { get; init; } = true;

    /// <summary>Watches the steps; null for none.</summary>
    public IRunObserver? Observer { get; init; }
}
