namespace UffdActors;

/// <summary>A page is lost for good: no source will ever have it. Not for a lost link, which comes back.</summary>
public sealed class PageLostException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">How it was lost; part of a sentence.</param>
    public PageLostException(string message)
        : base(message)
    {
    }
}
