namespace UffdActors.PostCopy;

/// <summary>No progress for too long; the message says what is outstanding.</summary>
public sealed class StalledException : Exception
{
    /// <summary>Makes the exception.</summary>
    public StalledException(string message)
        : base(message)
    {
    }
}
