using System.Reflection;
using UffdActors.Testing;

namespace UffdActors.Tests.Architecture;

/// <summary>A virtual member that the product does not override itself is there for the mutants, and says which rule it keeps.</summary>
public sealed class MutationPointTests
{
    /// <summary>Runs what ships on the sequential kernel, where a fill is one turn: it may override as the mutants do.</summary>
    private const string ReferenceTwin = "UffdActors.Explore.Oracles.SequentialReference+";

    [Fact]
    public void A_virtual_member_is_overridden_by_the_product_or_marked_as_a_mutation_point()
    {
        HashSet<MethodInfo> overridden = [.. Overrides(BuiltAssemblies.Classes.Where(t => !IsTwin(t))).Select(m => m.GetBaseDefinition())];
        string[] unmarked =
        [
            .. BuiltAssemblies.Classes.SelectMany(BuiltAssemblies.VirtualMethodsOf)
                .Where(m => IsIntroduced(m) && !m.IsAbstract && !m.IsFinal && !IsForEverybody(m) && !overridden.Contains(m))
                .Where(m => BuiltAssemblies.RuleOf(m) is null).Select(BuiltAssemblies.Text),
        ];
        Assert.Empty(unmarked);
    }

    [Fact]
    public void Only_mutants_and_the_reference_twin_override_a_mutation_point()
    {
        string[] wrong =
        [
            .. Overrides(BuiltAssemblies.Classes.Where(t => !IsTwin(t)))
                .Where(m => m.GetBaseDefinition() is var point && BuiltAssemblies.RuleOf(point) is not null).Select(BuiltAssemblies.Text),
        ];
        Assert.Empty(wrong);
        Assert.Contains(Overrides(BuiltAssemblies.Mutants), m => BuiltAssemblies.RuleOf(m.GetBaseDefinition()) is not null);
    }

    [Fact]
    public void Mutation_points_stand_at_the_end_of_their_class_and_are_internal()
    {
        foreach (MethodInfo point in BuiltAssemblies.Classes.SelectMany(BuiltAssemblies.VirtualMethodsOf)
            .Where(m => IsIntroduced(m) && BuiltAssemblies.RuleOf(m) is not null && BuiltAssemblies.RuleOn(m.DeclaringType!) is null))
            Assert.True(point.IsAssembly, $"{BuiltAssemblies.Text(point)} is a mutation point and not internal");
        foreach (string file in SourceTree.Files("src", "*.cs"))
        {
            string text = File.ReadAllText(file);
            int first = text.IndexOf("    [MutationPoint(\"", StringComparison.Ordinal);
            if (first < 0) continue;
            string rest = text[first..];
            int others = rest.Split('\n').Count(l => l.StartsWith("    /// <summary>", StringComparison.Ordinal));
            int points = rest.Split("    [MutationPoint(").Length - 2;
            Assert.True(others <= points, $"{file}: a member stands behind the first mutation point and is none");
        }
    }

    private static IEnumerable<MethodInfo> Overrides(IEnumerable<Type> types) =>
        types.SelectMany(BuiltAssemblies.VirtualMethodsOf).Where(m => !IsIntroduced(m));

    private static bool IsIntroduced(MethodInfo method) => method.GetBaseDefinition() == method;

    private static bool IsTwin(Type type) => type.FullName!.StartsWith(ReferenceTwin, StringComparison.Ordinal);

    // What anybody may derive from is overridden by modules that are not in this source tree.
    private static bool IsForEverybody(MethodInfo method) => method.IsPublic && method.DeclaringType!.IsPublic;
}
