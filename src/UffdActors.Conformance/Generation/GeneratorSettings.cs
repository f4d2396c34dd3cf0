using UffdActors.Model;

namespace UffdActors.Conformance.Generation;

/// <summary>How programs are generated.</summary>
internal sealed record GeneratorSettings
{
    /// <summary>Steps, with those of the set-up, without those of the clean-up at the end.</summary>
    public int Steps { get; init; } = 40;

    /// <summary>Class of the programs; null to draw it.</summary>
    public ProgramClass? Class { get; init; }

    /// <summary>The kernel on which the program is tried out while it is made.</summary>
    public KernelProfile Profile { get; init; } = KernelProfile.Linux618;
}
