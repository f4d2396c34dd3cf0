namespace UffdActors;

/// <summary>A trace that cannot be read. The message names file and line.</summary>
public sealed class WorkloadFormatException : Exception
{
    /// <summary>Makes the exception.</summary>
    public WorkloadFormatException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
