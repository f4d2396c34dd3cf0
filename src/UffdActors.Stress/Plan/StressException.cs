namespace UffdActors.Stress.Plan;

/// <summary>The options cannot be stressed; the message says why and what to do.</summary>
internal sealed class StressException : Exception
{
    /// <summary>Makes the exception.</summary>
    public StressException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
