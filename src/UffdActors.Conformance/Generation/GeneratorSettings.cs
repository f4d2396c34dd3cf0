using UffdActors.Model;

namespace UffdActors.Conformance.Generation;

/// <summary>How programs are generated.</summary>
internal sealed record GeneratorSettings
{
    /// <summary>Steps, the setting up included; the tidying up at the end comes on top.</summary>
    public int Steps { get; init; } = 40;

    /// <summary>What the programs are about; null leaves it to the choices.</summary>
    public ProgramClass? Class { get; init; }

    /// <summary>The kernel on which the program is tried out while it is made.</summary>
    public KernelProfile Profile { get; init; } = KernelProfile.Linux618;
}
