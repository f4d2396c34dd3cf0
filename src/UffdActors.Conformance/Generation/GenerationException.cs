using UffdActors.Conformance.Programs;

namespace UffdActors.Conformance.Generation;

/// <summary>The model failed while a program was made on it.</summary>
internal sealed class GenerationException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="program">The program; its last step is the one that failed.</param>
    /// <param name="inner">How it failed.</param>
    public GenerationException(Trace program, Exception inner)
        : base($"The last step of a generated program failed: {inner}", inner) => Program = program;

    /// <summary>The program; its last step is the one that failed.</summary>
    public Trace Program { get; }
}
