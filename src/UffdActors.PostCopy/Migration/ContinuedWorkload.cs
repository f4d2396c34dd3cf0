namespace UffdActors.PostCopy.Migration;

/// <summary>The rest of a workload: the accesses before it were done elsewhere.</summary>
internal sealed class ContinuedWorkload : IWorkload
{
    private readonly IWorkload _whole;
    private readonly long _end;
    private long _next;

    /// <param name="whole">The workload from its beginning.</param>
    /// <param name="done">Accesses that were done.</param>
    /// <param name="end">Access before which it stops, though there are more.</param>
    public ContinuedWorkload(IWorkload whole, long done, long end = long.MaxValue)
    {
        _whole = whole;
        _end = end;
        FirstAccess = done;
        Reset();
    }

    /// <inheritdoc />
    public long FirstAccess { get; }

    /// <inheritdoc />
    public void Reset()
    {
        _whole.Reset();
        for (_next = 0; _next < FirstAccess; _next++) _ = _whole.TryNext(out _);
    }

    /// <inheritdoc />
    public bool TryNext(out GuestStep step)
    {
        step = default;
        return _next++ < _end && _whole.TryNext(out step);
    }
}
