namespace UffdActors.Model;

/// <summary>
/// Marks a virtual member that exists for the mutants (<c>tests/UffdActors.Mutants</c>) and for the exploration's sequential reference:
/// overriding it breaks a rule. On a class it marks every virtual member of it. In the product nothing overrides one, so the JIT
/// devirtualizes the call by profile (PGO).
/// </summary>
/// <param name="rule">The rules that the member keeps, as a citation.</param>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method | AttributeTargets.Property)]
internal sealed class MutationPointAttribute(string rule) : Attribute
{
    /// <summary>The rules that the member keeps, as a citation.</summary>
    public string Rule { get; } = rule;
}
