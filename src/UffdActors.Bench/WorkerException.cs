namespace UffdActors.Bench;

/// <summary>A worker process has ended or was stopped, so the run has no result.</summary>
internal sealed class WorkerException : Exception
{
    /// <summary>Makes the exception.</summary>
    public WorkerException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
