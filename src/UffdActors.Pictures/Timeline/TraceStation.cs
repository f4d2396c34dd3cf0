using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Timeline;

/// <summary>A station that faults pass, and the track of each that has passed it.</summary>
/// <param name="Track">Name of its tracks.</param>
/// <param name="Name">What is done there.</param>
/// <param name="From">When a fault comes.</param>
/// <param name="To">When it goes on.</param>
internal sealed record TraceStation(string Track, string Name, Func<FaultSpan, long> From, Func<FaultSpan, long> To)
{
    /// <summary>Track of each fault that has passed.</summary>
    public Dictionary<int, int> Lanes { get; } = [];

    /// <summary>True if a fault has passed.</summary>
    public bool IsPassed(FaultSpan fault) => From(fault) > 0 && To(fault) >= From(fault);
}
