namespace UffdActors.Conformance.Programs;

/// <summary>A trace that cannot be read. The message names file and line.</summary>
internal sealed class TraceFormatException : Exception
{
    /// <summary>Makes the exception.</summary>
    public TraceFormatException(string file, int line, string problem, Exception? inner = null)
        : base($"{file}:{line}: {problem}", inner)
    {
    }
}
