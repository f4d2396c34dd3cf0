namespace UffdActors.PostCopy;

/// <summary>Nothing has moved for too long; the message says what everybody waits for.</summary>
public sealed class StalledException : Exception
{
    /// <summary>Makes the exception.</summary>
    public StalledException(string message)
        : base(message)
    {
    }
}
