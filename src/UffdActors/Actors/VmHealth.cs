namespace UffdActors.Actors;

/// <summary>Whether a VM still works.</summary>
internal sealed class VmHealth
{
    private readonly TaskCompletionSource<Exception> _failed;
    private readonly TaskCompletionSource _lost;
    private Exception? _cause;

    public VmHealth(TaskCreationOptions completion = TaskCreationOptions.RunContinuationsAsynchronously)
    {
        _failed = new TaskCompletionSource<Exception>(completion);
        _lost = new TaskCompletionSource(completion);
    }

    /// <summary>Ends when all actors have been stopped with their system, by its owner.</summary>
    public Task Lost => _lost.Task;

    /// <summary>All actors have been stopped with their system.</summary>
    public void EndsWithSystem() => _ = _lost.TrySetResult();

    /// <summary>Ends with the cause when the VM fails.</summary>
    public Task<Exception> Failed => _failed.Task;

    /// <summary>The cause; null as long as the VM works.</summary>
    public Exception? Cause => Volatile.Read(ref _cause);

    /// <summary>The first failure counts.</summary>
    public bool TryFail(Exception reason) =>
        Interlocked.CompareExchange(ref _cause, reason, null) is null && _failed.TrySetResult(reason);
}
