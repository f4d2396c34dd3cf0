using System.Collections.Immutable;

namespace UffdActors.Explore.Scenarios;

/// <summary>A userfaultfd.</summary>
/// <param name="Name">Name.</param>
/// <param name="Features">Features of its handshake.</param>
/// <param name="Registered">Regions and the modes that they are registered with.</param>
/// <param name="Handlers">Handlers that serve it; 0 if the scenario's threads read and resolve by themselves.</param>
/// <param name="SourceActor">An actor in front of the page source; needed for answers that come late.</param>
/// <param name="Push">The background push fills every registered region.</param>
internal sealed record ContextPlan(
    string Name, UffdFeatures Features, ImmutableArray<Registered> Registered, int Handlers, bool SourceActor, bool Push)
{
    /// <summary>Chunks that the push requests ahead; if more than one, each is of one page.</summary>
    public int PushWindow { get; init; } = 1;

    /// <summary>Which page the push fetches next.</summary>
    public PrefetchKind Prefetch { get; init; }
}
