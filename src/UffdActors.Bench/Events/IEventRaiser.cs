namespace UffdActors.Bench.Events;

/// <summary>A thread of the guest that frees pages.</summary>
internal interface IEventRaiser : IDisposable
{
    /// <summary>Starts the calls.</summary>
    void Start(CancellationToken cancel);
}
