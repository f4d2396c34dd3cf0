namespace UffdActors.Serve;

/// <summary>
/// A hand-over that is none, or that is not served here. The message is one sentence that names what is wrong and what to do. Its
/// descriptors have been closed.
/// </summary>
public sealed class HandOverException : Exception
{
    /// <summary>Makes the exception.</summary>
    public HandOverException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
