namespace UffdActors.Serve;

/// <summary>Serving cannot begin: the socket or the memory file cannot be used. The message is one sentence that says what to do.</summary>
public sealed class ServeException : Exception
{
    /// <summary>Makes the exception.</summary>
    public ServeException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
