using UffdActors.Conformance.Generation;

namespace UffdActors.Recorder.Comparison;

/// <summary>Which programs are compared.</summary>
internal sealed record LiveRunOptions
{
    /// <summary>Programs, of consecutive seeds.</summary>
    public int Programs { get; init; } = 200;

    /// <summary>Seed of the first.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Steps of a program.</summary>
    public int Steps { get; init; } = new GeneratorSettings().Steps;

    /// <summary>Class of the programs; null for all classes in turn.</summary>
    public ProgramClass? Class { get; init; }

    /// <summary>Most programs that are tried to shrink one that differs.</summary>
    public int ShrinkAttempts { get; init; } = 2_000;
}
