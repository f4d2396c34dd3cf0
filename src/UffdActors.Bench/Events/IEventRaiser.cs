namespace UffdActors.Bench.Events;

/// <summary>A thread of the guest that gives pages back.</summary>
internal interface IEventRaiser : IDisposable
{
    /// <summary>Lets it go.</summary>
    void Start(CancellationToken cancel);
}
