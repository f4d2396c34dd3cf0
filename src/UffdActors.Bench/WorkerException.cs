namespace UffdActors.Bench;

/// <summary>A worker process has ended or was stopped, so nothing can be said of the run.</summary>
internal sealed class WorkerException : Exception
{
    /// <summary>Makes the exception.</summary>
    public WorkerException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
