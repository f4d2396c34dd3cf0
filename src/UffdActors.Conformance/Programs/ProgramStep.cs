using UffdActors.Model.Operations;

namespace UffdActors.Conformance.Programs;

/// <summary>
/// One step of a program: an operation and its arguments. Which of them are used depends on the operation
/// (<see cref="StepSchema"/>); the others are 0.
/// </summary>
internal sealed record ProgramStep(ProgramOp Op)
{
    /// <summary>Number of the step.</summary>
    public int Index { get; init; }

    /// <summary>Accessor that executes it, or null for the main thread.</summary>
    public int? Thread { get; init; }

    /// <summary>Handle of a userfaultfd.</summary>
    public int Handle { get; init; }

    /// <summary><c>start</c>, <c>dst</c> or <c>addr</c>.</summary>
    public ulong Address { get; init; }

    /// <summary><c>src</c>, or <c>new</c> of mremap.</summary>
    public ulong Other { get; init; }

    /// <summary><c>len</c>, or <c>size</c> of a file.</summary>
    public ulong Length { get; init; }

    /// <summary><c>newlen</c>, or <c>off</c>.</summary>
    public ulong Second { get; init; }

    /// <summary><c>mode</c>, <c>flags</c>, <c>features</c>, or <c>prot</c>.</summary>
    public ulong Word { get; init; }

    /// <summary><c>api</c>.</summary>
    public ulong Magic { get; init; }

    /// <summary><c>bytes</c> of a read, <c>val</c> of a write.</summary>
    public long Value { get; init; }

    /// <summary><c>f</c>, or <c>child</c> of a fork.</summary>
    public int Number { get; init; }

    /// <summary><c>kind</c> or <c>advice</c>.</summary>
    public string Kind { get; init; } = "";

    /// <summary><c>ptr</c>.</summary>
    public ArgumentPointer Pointer { get; init; }
}
