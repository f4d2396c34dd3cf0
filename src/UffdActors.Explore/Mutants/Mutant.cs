using UffdActors.Explore.Scenes;


namespace UffdActors.Explore.Mutants;

/// <summary>
/// A deliberate bug: one part of a run made wrong, by overriding it. Lives in an assembly of its own and is loaded by name; the
/// product has no switch for it. Exploration that does not find it has a hole.
/// </summary>
internal abstract class Mutant
{
    /// <summary>Short name, in lower case with hyphens.</summary>
    public abstract string Name { get; }

    /// <summary>The rule of RING that it breaks: <c>R1</c>, <c>P1</c>, <c>S1</c> and so on.</summary>
    public abstract string Rule { get; }

    /// <summary>What is wrong, in a sentence.</summary>
    public abstract string Bug { get; }

    /// <summary>Scenarios in which it can show.</summary>
    public abstract IReadOnlyList<string> Scenarios { get; }

    /// <summary>The parts of its runs.</summary>
    public abstract RunParts Parts { get; }
}
