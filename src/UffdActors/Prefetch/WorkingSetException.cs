namespace UffdActors;

/// <summary>A file that is no working set. The message is one line that names file and line.</summary>
public sealed class WorkingSetException : Exception
{
    /// <summary>Makes the exception.</summary>
    public WorkingSetException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
