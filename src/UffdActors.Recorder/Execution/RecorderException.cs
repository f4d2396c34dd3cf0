namespace UffdActors.Recorder.Execution;

/// <summary>Programs cannot be executed here; the message says why.</summary>
internal sealed class RecorderException : Exception
{
    /// <summary>Makes the exception.</summary>
    public RecorderException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
