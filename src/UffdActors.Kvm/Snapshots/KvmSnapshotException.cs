namespace UffdActors.Kvm;

/// <summary>
/// A snapshot cannot be made or used: its files are not what they have to be. The message is one sentence that says what to do.
/// </summary>
public sealed class KvmSnapshotException : Exception
{
    /// <summary>Makes it.</summary>
    /// <param name="message">What is wrong, and what to do.</param>
    /// <param name="inner">What it came of; null for nothing.</param>
    public KvmSnapshotException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
