namespace UffdActors.PostCopy;

/// <summary>A migration between two processes cannot begin, or has ended without its guest; the message says where the guest is.</summary>
public sealed class MigrationException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">What happened, and what to do.</param>
    /// <param name="inner">Cause.</param>
    public MigrationException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
