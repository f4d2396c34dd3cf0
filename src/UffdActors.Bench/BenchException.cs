namespace UffdActors.Bench;

/// <summary>
/// A benchmark that cannot be run, or figures that cannot be read. The message names the thing, the value and what to do.
/// </summary>
internal sealed class BenchException : Exception
{
    /// <summary>Makes the exception.</summary>
    public BenchException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
