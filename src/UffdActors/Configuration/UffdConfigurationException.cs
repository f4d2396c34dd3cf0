namespace UffdActors;

/// <summary>A configuration that means nothing. The message names the key, the value, and what to do.</summary>
public sealed class UffdConfigurationException : Exception
{
    /// <summary>Makes the exception.</summary>
    public UffdConfigurationException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
