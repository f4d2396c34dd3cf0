namespace UffdActors.Dispatch;

/// <summary>Sleeps on an event; for loops without descriptors.</summary>
internal sealed class EventWaiter : LoopWaiter
{
    private readonly SemaphoreSlim _kicks = new(0);

    public override void Wait(TimeSpan timeout) => _kicks.Wait(timeout);

    public override void Kick() => _kicks.Release();
}
