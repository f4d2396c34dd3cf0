using System.Reflection;
using System.Text.RegularExpressions;
using UffdActors.Testing;

namespace UffdActors.Tests.Architecture;

/// <summary>A virtual member that the product does not override itself is there for the mutants, and says which rule it keeps.</summary>
public sealed partial class MutationPointTests
{
    /// <summary>Runs what ships on the sequential kernel, where a fill is one turn: it may override as the mutants do.</summary>
    private const string ReferenceTwin = "UffdActors.Explore.Oracles.SequentialReference+";

    [Fact]
    public void A_virtual_member_is_overridden_by_the_product_or_marked_as_a_mutation_point()
    {
        HashSet<MethodInfo> overridden = [.. Overrides(BuiltAssemblies.Classes.Where(t => !IsTwin(t))).Select(m => m.GetBaseDefinition())];
        Findings.None(
            "A virtual member that the product overrides nowhere is there for mutants. Mark it with [MutationPoint(\"RING ...\")] and the "
                + "rule that it keeps; or take `virtual` away.",
            BuiltAssemblies.Classes.SelectMany(BuiltAssemblies.VirtualMethodsOf)
                .Where(m => IsIntroduced(m) && !m.IsAbstract && !m.IsFinal && !IsForEverybody(m) && !overridden.Contains(m))
                .Where(m => BuiltAssemblies.RuleOf(m) is null).Select(BuiltAssemblies.Text));
    }

    [Fact]
    public void Only_mutants_and_the_reference_twin_override_a_mutation_point()
    {
        Findings.None(
            "What is marked with [MutationPoint] is overridden by mutants and by the reference twin alone, so that the product calls it "
                + "directly. Take the override away; if the product needs it, take the mark away.",
            Overrides(BuiltAssemblies.Classes.Where(t => !IsTwin(t)))
                .Where(m => BuiltAssemblies.RuleOf(m.GetBaseDefinition()) is not null)
                .Select(m => $"{BuiltAssemblies.Text(m)} overrides {BuiltAssemblies.Text(m.GetBaseDefinition())}"));
        Assert.Contains(Overrides(BuiltAssemblies.Mutants), m => BuiltAssemblies.RuleOf(m.GetBaseDefinition()) is not null);
    }

    [Fact]
    public void Mutation_points_stand_at_the_end_of_their_class_and_are_internal()
    {
        Findings.None(
            "A mutation point is no one else's to override: make it internal.",
            BuiltAssemblies.Classes.SelectMany(BuiltAssemblies.VirtualMethodsOf)
                .Where(m => IsIntroduced(m) && BuiltAssemblies.RuleOf(m) is not null && BuiltAssemblies.RuleOn(m.DeclaringType!) is null)
                .Where(m => !m.IsAssembly).Select(BuiltAssemblies.Text));
        List<string> behind = [];
        foreach (string file in SourceTree.Files("src", ".cs"))
        {
            string text = File.ReadAllText(file);
            int first = text.IndexOf("    [MutationPoint(\"", StringComparison.Ordinal);
            if (first < 0) continue;
            string rest = text[first..];
            int others = rest.Split('\n').Count(l => l.StartsWith("    /// <summary>", StringComparison.Ordinal));
            int points = rest.Split("    [MutationPoint(").Length - 2;
            if (others > points) behind.Add(SourceTree.NameOf(file));
        }

        Findings.None("Mutation points stand at the end of their class: move the members that are none before the first of them.", behind);
    }

    [Fact]
    public void A_mutation_point_names_the_rules_of_RING_that_it_keeps() => Findings.None(
        "[MutationPoint] says which rules a member keeps, as in \"RING R2, S5\" (which ones there are, LawTests knows); on a class, which "
            + "rules of RING its members stand for.",
        BuiltAssemblies.Classes
            .SelectMany(t => BuiltAssemblies.VirtualMethodsOf(t).Concat<MemberInfo>(BuiltAssemblies.PropertiesOf(t)).Append(t))
            .Select(member => (Member: member, Rule: BuiltAssemblies.RuleOn(member)))
            .Where(point => point.Rule is { } rule && !IsRule(point.Member, rule))
            .Select(point => $"{point.Member.DeclaringType?.FullName} {point.Member.Name}: \"{point.Rule}\""));

    private static bool IsRule(MemberInfo member, string rule) =>
        member is Type ? rule.Contains("RING", StringComparison.Ordinal) : Citation().IsMatch(rule);

    private static IEnumerable<MethodInfo> Overrides(IEnumerable<Type> types) =>
        types.SelectMany(BuiltAssemblies.VirtualMethodsOf).Where(m => !IsIntroduced(m));

    private static bool IsIntroduced(MethodInfo method) => method.GetBaseDefinition() == method;

    private static bool IsTwin(Type type) => type.FullName!.StartsWith(ReferenceTwin, StringComparison.Ordinal);

    // What anybody may derive from is overridden by modules that are not in this source tree.
    private static bool IsForEverybody(MethodInfo method) => (method.IsPublic || method.IsFamily) && method.DeclaringType!.IsPublic;

    [GeneratedRegex(@"^RING [A-Z]\d+(, [A-Z]\d+)*$")]
    private static partial Regex Citation();
}
