using UffdActors.Explore.Scenes;


namespace UffdActors.Explore.Mutants;

/// <summary>
/// A deliberate bug: overrides one part of a run. Mutants are in an assembly of their own, loaded by name; the product has no switch for
/// them. A mutant that exploration does not find is a gap in its oracles.
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
