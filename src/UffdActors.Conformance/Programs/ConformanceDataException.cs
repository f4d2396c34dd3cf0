namespace UffdActors.Conformance.Programs;

/// <summary>The folder has nothing to replay, or cannot be read. The message says what to do.</summary>
internal sealed class ConformanceDataException : Exception
{
    /// <summary>Makes the exception.</summary>
    public ConformanceDataException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
