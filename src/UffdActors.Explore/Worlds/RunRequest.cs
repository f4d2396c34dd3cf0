using UffdActors.Explore.Oracles;
using UffdActors.Explore.Policies;
using UffdActors.Explore.Scenarios;

namespace UffdActors.Explore.Worlds;

/// <summary>A run that is wanted.</summary>
internal sealed record RunRequest
{
    /// <summary>What happens.</summary>
    public required Scenario Scenario { get; init; }

    /// <summary>Order of events, where <see cref="Choices"/> does not say.</summary>
    public SchedulePolicy Policy { get; init; } = new FifoOrder();

    /// <summary>Seed of everything that is drawn.</summary>
    public ulong Seed { get; init; }

    /// <summary>The choices, if the run is a given one.</summary>
    public IReadOnlyList<int>? Choices { get; init; }

    /// <summary>Compares the run with the sequential kernel. Changes nothing of the run, but for what is found in it.</summary>
    public bool HasReference { get; init; } = true;

    /// <summary>Watches the steps; null for none.</summary>
    public IRunObserver? Observer { get; init; }
}

/// <summary>What a run came to.</summary>
/// <param name="Violation">The invariant that it broke; null if none.</param>
/// <param name="Hash">Its trace hash.</param>
/// <param name="Steps">Messages handled, from the threads' first to the end.</param>
/// <param name="IsFinished">True if every thread has done all that it had to do.</param>
internal sealed record RunResult(Violation? Violation, TraceHash Hash, int Steps, bool IsFinished);

/// <summary>Watches a run step by step.</summary>
internal interface IRunObserver
{
    /// <summary>A message has been handled.</summary>
    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="actor">Who handled it; "time" if virtual time has passed.</param>
    /// <param name="message">The message; the same object all the way round the ring. Null for housekeeping and time.</param>
    /// <param name="text">The message in words.</param>
    /// <param name="changes">What has changed of the pages, in words; empty if nothing.</param>
    void Stepped(int step, string actor, object? message, string text, string changes);
}
