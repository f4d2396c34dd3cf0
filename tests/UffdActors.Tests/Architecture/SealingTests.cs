using UffdActors.Testing;

namespace UffdActors.Tests.Architecture;

/// <summary>A class is open only where something derives from it: the product, or a mutant at a mutation point.</summary>
public sealed class SealingTests
{
    [Fact]
    public void A_class_that_nothing_derives_from_is_sealed()
    {
        HashSet<Type> bases =
            [.. BuiltAssemblies.Classes.Select(t => t.BaseType!).Select(t => t.IsGenericType ? t.GetGenericTypeDefinition() : t)];
        Findings.None(
            "A class that nothing derives from is sealed. Seal it; or mark the member that a mutant is to override with [MutationPoint].",
            BuiltAssemblies.Classes.Where(t => !t.IsAbstract && !t.IsSealed && !bases.Contains(t) && !HasMutationPoint(t))
                .Select(t => $"{t.FullName} ({t.Assembly.GetName().Name})"));
    }

    private static bool HasMutationPoint(Type type)
    {
        for (Type? at = type; at is not null; at = at.BaseType)
        {
            if (BuiltAssemblies.RuleOn(at) is not null) return true;
            if (BuiltAssemblies.VirtualMethodsOf(at).Any(m => BuiltAssemblies.RuleOf(m) is not null)) return true;
        }

        return false;
    }
}
