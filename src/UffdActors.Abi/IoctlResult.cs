namespace UffdActors;

/// <summary>
/// Result of an ioctl: errno and out field; both are needed. EAGAIN with a negative or absent progress means that
/// an event is unread and nothing was done; EAGAIN with a positive one means that so many bytes were done and an error stopped the rest
/// (SEMANTICS 5.1.8).
/// </summary>
/// <param name="Error">errno; <see cref="Errno.None"/> if the call returned 0.</param>
/// <param name="Progress">
/// The out field as the kernel left it: bytes done, or a negated errno. Null if the kernel did not write it, or the call has none.
/// </param>
public readonly record struct IoctlResult(Errno Error, long? Progress)
{
    /// <summary>True if everything was done.</summary>
    public bool IsDone => Error == Errno.None;

    /// <summary>Bytes that were done, also if the call failed.</summary>
    public long BytesDone => Progress is > 0 and { } bytes ? bytes : 0;

    /// <summary>True if an event has to be read first: nothing was done.</summary>
    public bool NeedsEventsRead => Error == Errno.EAGAIN && Progress is not > 0;
}
