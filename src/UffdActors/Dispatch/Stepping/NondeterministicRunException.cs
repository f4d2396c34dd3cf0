namespace UffdActors.Dispatch.Stepping;

/// <summary>A task became runnable on another thread than the one that steps: the run cannot be repeated.</summary>
internal sealed class NondeterministicRunException : Exception
{
    /// <summary>Makes the exception.</summary>
    public NondeterministicRunException(string message)
        : base(message)
    {
    }
}
