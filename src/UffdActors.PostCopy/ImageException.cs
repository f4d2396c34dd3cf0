namespace UffdActors.PostCopy;

/// <summary>An image that cannot be used. The message is one line that says why.</summary>
public sealed class ImageException : Exception
{
    /// <summary>Makes the exception.</summary>
    public ImageException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
