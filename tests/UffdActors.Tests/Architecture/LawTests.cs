using System.Text.RegularExpressions;
using UffdActors.Testing;

namespace UffdActors.Tests.Architecture;

/// <summary>
/// RING and SEMANTICS are the two documents that code, output and documents cite, and every citation can be looked up. What
/// <c>uffd ask</c> and <c>uffd diff</c> print is text of the sources, so it is read with them.
/// </summary>
public sealed partial class LawTests
{
    private static readonly string Ring = Read("src/UffdActors/RING.md");

    private static readonly string Semantics = Read("src/UffdActors.Model/SEMANTICS.md");

    private static readonly HashSet<string> RingRules = [.. RulesOf(Ring, RingRule())];

    private static readonly HashSet<string> SemanticsRules = [.. RulesOf(Semantics, SemanticsRule())];

    public static TheoryData<string> Folders => ["src", "tests", "bench", "hocon"];

    [Theory]
    [MemberData(nameof(Folders))]
    public void Every_citation_names_a_rule_that_is_there(string folder)
    {
        List<string> wrong = [];
        foreach (string file in Cited(folder))
            wrong.AddRange(WrongCitations(File.ReadAllText(file)).Select(citation => $"{SourceTree.NameOf(file)}: {citation}"));
        Assert.Empty(wrong);
    }

    [Fact]
    public void Every_citation_of_the_first_page_names_a_rule_that_is_there() => Assert.Empty(WrongCitations(Read("README.md")));

    [Theory]
    [InlineData("as it is (SEMANTICS 5.2.6, 77.1)", "SEMANTICS 77.1")]
    [InlineData("/// (SEMANTICS 5.2.6,\n    /// 5.2.66)", "SEMANTICS 5.2.66")]
    [InlineData("from SEMANTICS 3.1 to 3.9", "SEMANTICS 3.9")]
    [InlineData("the rule (RING R10)", "RING R10")]
    [InlineData("the rule (RING R1, C2)", "RING C2")]
    [InlineData("the rule (RING 4.2)", "RING 4.2")]
    public void A_citation_of_a_rule_that_is_not_there_is_found(string text, string wrong) => Assert.Equal([wrong], WrongCitations(text));

    [Theory]
    [MemberData(nameof(Folders))]
    public void Nothing_refers_to_a_document_outside(string folder)
    {
        List<string> references = [];
        foreach (string file in Cited(folder).Append(Path.Combine(SourceTree.Root, "README.md")))
            references.AddRange(Outside().Matches(File.ReadAllText(file)).Select(match => $"{SourceTree.NameOf(file)}: {match.Value}"));
        Assert.Empty(references);
    }

    [Fact]
    public void Each_rule_of_SEMANTICS_has_a_number_of_its_own_and_those_it_mentions_are_there()
    {
        Assert.Equal(SemanticsRules.Count, RulesOf(Semantics, SemanticsRule()).Count());
        // The release is a number of three parts as well.
        string[] unknown = [
            .. ThreeParts().Matches(Semantics).Select(match => match.Value)
                .Where(number => number != "6.18.44" && !SemanticsRules.Contains(number))];
        Assert.Empty(unknown);
    }

    [Fact]
    public void Each_rule_about_the_kernel_says_what_it_stands_on()
    {
        string[] marks = ["F", "O", "args", "delivery", "events", "pages", "vma", "found", "live", "model", "seen", "read"];
        foreach (string block in Blocks(Semantics, SemanticsRule()))
        {
            string number = SemanticsRule().Match(block).Groups[1].Value;
            if (number[0] is < '1' or > '6') continue;
            Match[] stands = Mark().Matches(block).ToArray();
            Assert.True(stands.Length > 0, $"{number} has no mark");
            Assert.Contains(stands, mark => marks.Contains(mark.Groups[1].Value));
        }
    }

    [Fact]
    public void RING_names_the_mutants_that_there_are_each_beside_its_rule()
    {
        Dictionary<string, string> rules = [];
        foreach (string file in SourceTree.Files("tests/UffdActors.Mutants", ".cs"))
        {
            foreach (Match mutant in Mutant().Matches(File.ReadAllText(file))) rules.Add(mutant.Groups[1].Value, mutant.Groups[2].Value);
        }

        Dictionary<string, string[]> named = [];
        foreach (string block in Blocks(Ring, RingRule()))
        {
            string rule = RingRule().Match(block).Groups[1].Value;
            if (rule[0] is 'R' or 'P' or 'S') named[rule] = [.. MutantName().Matches(block).Select(match => match.Groups[1].Value)];
        }

        Assert.NotEmpty(rules);
        foreach ((string mutant, string rule) in rules)
            Assert.True(
                named.TryGetValue(rule, out string[]? mutants) && mutants.Contains(mutant),
                $"{mutant} breaks {rule}, and RING does not say so there");
        string[] unknown = [.. named.Values.SelectMany(mutants => mutants).Where(mutant => !rules.ContainsKey(mutant))];
        Assert.Empty(unknown);
    }

    [Fact]
    public void The_tests_that_hold_a_rule_are_where_it_says()
    {
        string[] classes = [.. SourceTree.Files("tests", ".cs").Select(file => "/" + SourceTree.NameOf(file))];
        string[] named =
            [.. TestName().Matches(Ring).Concat(TestName().Matches(Semantics)).Select(match => match.Groups[1].Value).Distinct()];
        Assert.NotEmpty(named);
        string[] missing = [
            .. named.Where(
                name =>
                    !classes.Any(
                        file =>
                            file.EndsWith($"/{name}.cs", StringComparison.Ordinal)
                                || file.EndsWith($"/UffdActors.{name}.cs", StringComparison.Ordinal)))];
        Assert.Empty(missing);
    }

    private static string Read(string file) => File.ReadAllText(Path.Combine(SourceTree.Root, file));

    private static IEnumerable<string> Cited(string folder) =>
        SourceTree.Files(folder, ".cs", ".md", ".conf", ".txt", ".c", ".csproj", ".props", ".targets")
            .Where(file => Path.GetFileName(file) != $"{nameof(LawTests)}.cs");

    private static IEnumerable<string> WrongCitations(string text)
    {
        // A citation may go on in the next line of a comment.
        string joined = LineBreak().Replace(text, " ");
        foreach (Match citation in Citation().Matches(joined))
        {
            string document = citation.Groups["document"].Value;
            HashSet<string> rules = document == "RING" ? RingRules : SemanticsRules;
            foreach (Capture rule in citation.Groups["rule"].Captures)
            {
                if (!rules.Contains(rule.Value)) yield return $"{document} {rule.Value}";
            }
        }
    }

    private static IEnumerable<string> RulesOf(string document, Regex rule) =>
        rule.Matches(document).Concat(Heading().Matches(document)).Select(match => match.Groups[1].Value);

    // A rule ends where the next one, a heading, or another paragraph begins.
    private static IEnumerable<string> Blocks(string document, Regex rule) =>
        BlockEnd().Split(document).Where(block => rule.IsMatch(block));

    [GeneratedRegex(@"\*\*([RPSLF]\d+)\*\*")]
    private static partial Regex RingRule();

    [GeneratedRegex(@"\*\*(\d+(?:\.\d+)+)\*\*")]
    private static partial Regex SemanticsRule();

    [GeneratedRegex(@"^#{2,3} (\d+(?:\.\d+)*|[RPSLF])\b", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"\s*\n\s*(?:///?|[|#])?\s*")]
    private static partial Regex LineBreak();

    [GeneratedRegex(
        @"\b(?<document>RING|SEMANTICS) (?<rule>[A-Z]\d*\b|\d+(?:\.\d+)*)(?:(?:, | to | and )(?<rule>[A-Z]\d*\b|\d+(?:\.\d+)*))*")]
    private static partial Regex Citation();

    [GeneratedRegex(
        @"\bspecification,? (?:section )?\d|\baddend[u]m\b|\bDESIGN \d|\brules? R\d|akka-n[o]tes|-spec\.md", RegexOptions.IgnoreCase)]
    private static partial Regex Outside();

    [GeneratedRegex(@"\b\d+\.\d+\.\d+\b")]
    private static partial Regex ThreeParts();

    [GeneratedRegex(@"\[(\w+)[^\]]*\](?!\()")]
    private static partial Regex Mark();

    [GeneratedRegex(@"Name => ""([^""]+)"";\s+public override string Rule => ""([^""]+)""")]
    private static partial Regex Mutant();

    [GeneratedRegex(@"`([a-z]+(?:-[a-z]+)+)`")]
    private static partial Regex MutantName();

    [GeneratedRegex(@"`([\w./]*\w+Tests)`")]
    private static partial Regex TestName();

    [GeneratedRegex(@"\n(?=\* |\| |#)|\n\n(?!\*Reason)")]
    private static partial Regex BlockEnd();
}
