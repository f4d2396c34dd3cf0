namespace UffdActors.Conformance.Programs;

/// <summary>A recorded program: header, steps, and what each step showed.</summary>
/// <param name="Name">File name without folder.</param>
/// <param name="Header">Line 1.</param>
/// <param name="Steps">The steps; the last is <see cref="ProgramOp.Final"/>.</param>
internal sealed record Trace(string Name, TraceHeader Header, IReadOnlyList<TraceStep> Steps);

/// <summary>A step and what it showed.</summary>
/// <param name="Step">The operation.</param>
/// <param name="Expected">What was observed.</param>
internal sealed record TraceStep(ProgramStep Step, Observation Expected);

/// <summary>Line 1 of a trace.</summary>
/// <param name="Class">Class of program.</param>
/// <param name="Seed">Seed of the generator.</param>
/// <param name="Kernel">Release of the kernel.</param>
/// <param name="FaultAroundBytes">Window of fault-around.</param>
/// <param name="ArenaStart">First address of the arena.</param>
/// <param name="ArenaEnd">First address behind the arena.</param>
/// <param name="Source">First source page.</param>
/// <param name="HugeSource">First huge source page.</param>
internal sealed record TraceHeader(
    string Class, long Seed, string Kernel, long FaultAroundBytes, ulong ArenaStart, ulong ArenaEnd, ulong Source, ulong HugeSource)
{
    /// <summary>Version of the format.</summary>
    public const int Version = 1;
}

/// <summary>A trace that cannot be read. The message names file and line.</summary>
internal sealed class TraceFormatException : Exception
{
    /// <summary>Makes the exception.</summary>
    public TraceFormatException(string file, int line, string problem, Exception? inner = null)
        : base($"{file}:{line}: {problem}", inner)
    {
    }
}
