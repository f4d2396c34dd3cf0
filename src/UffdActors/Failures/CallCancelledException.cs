namespace UffdActors;

/// <summary>A call over a range was cancelled when a part of it was done; that part stays done.</summary>
public sealed class CallCancelledException : OperationCanceledException
{
    /// <summary>Makes the exception.</summary>
    public CallCancelledException(string message, long bytesDone, CancellationToken cancellationToken)
        : base(message, cancellationToken) => BytesDone = bytesDone;

    /// <summary>Bytes that are done, from the start of the range on; greater than 0.</summary>
    public long BytesDone { get; }
}
