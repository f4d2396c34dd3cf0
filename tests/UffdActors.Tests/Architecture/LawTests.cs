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

    private const string CitationRule =
        "A citation names a rule that stands in src/UffdActors/RING.md or src/UffdActors.Model/SEMANTICS.md: correct its number, or write "
            + "the rule there.";

    public static TheoryData<string> Folders => ["src", "tests", "bench", "hocon"];

    [Theory]
    [MemberData(nameof(Folders))]
    public void Every_citation_names_a_rule_that_is_there(string folder)
    {
        List<string> wrong = [];
        foreach (string file in Cited(folder))
            wrong.AddRange(WrongCitations(File.ReadAllText(file)).Select(citation => $"{SourceTree.NameOf(file)}: {citation}"));
        Findings.None(CitationRule, wrong);
    }

    [Fact]
    public void Every_citation_of_the_first_page_names_a_rule_that_is_there() =>
        Findings.None(CitationRule, WrongCitations(Read("README.md")).Select(citation => $"README.md: {citation}"));

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
        Findings.None(
            "Code and documents cite RING and SEMANTICS and nothing outside this repository: cite a rule of these two, or write one.",
            references);
    }

    [Fact]
    public void Each_rule_of_SEMANTICS_has_a_number_of_its_own_and_those_it_mentions_are_there()
    {
        Findings.None(
            "A number of SEMANTICS is one rule's: give the later one a number that is free.",
            RulesOf(Semantics, SemanticsRule()).GroupBy(rule => rule).Where(rule => rule.Count() > 1).Select(rule => rule.Key));
        // The release is a number of three parts as well.
        Findings.None(
            "SEMANTICS mentions its own rules by numbers that are there: correct the number.",
            ThreeParts().Matches(Semantics).Select(match => match.Value)
                .Where(number => number != "6.18.44" && !SemanticsRules.Contains(number)));
    }

    [Fact]
    public void Each_rule_about_the_kernel_says_what_it_stands_on()
    {
        string[] marks = ["F", "O", "args", "delivery", "events", "pages", "vma", "found", "live", "model", "seen", "read"];
        List<string> unmarked = [];
        foreach (string block in Blocks(Semantics, SemanticsRule()))
        {
            string number = SemanticsRule().Match(block).Groups[1].Value;
            if (number[0] is < '1' or > '6') continue;
            Match[] stands = Mark().Matches(block).ToArray();
            if (!stands.Any(mark => marks.Contains(mark.Groups[1].Value))) unmarked.Add($"SEMANTICS {number}");
        }

        Findings.None(
            $"A rule about the kernel ends with what it stands on, as in [live]: one of {string.Join(", ", marks)}; SEMANTICS says what "
                + "each means.",
            unmarked);
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
        Findings.None(
            "RING names each mutant beside the rule that it breaks: write its name there, or correct the mutant's Rule.",
            rules.Where(pair => !named.GetValueOrDefault(pair.Value, []).Contains(pair.Key))
                .Select(pair => $"{pair.Key} breaks RING {pair.Value}"));
        Findings.None(
            "A mutant that RING names is one of tests/UffdActors.Mutants: correct the name, or take it out of the rule.",
            named.SelectMany(
                rule => rule.Value.Where(mutant => !rules.ContainsKey(mutant)).Select(mutant => $"RING {rule.Key}: {mutant}")));
    }

    [Fact]
    public void The_tests_that_hold_a_rule_are_where_it_says()
    {
        string[] classes = [.. SourceTree.Files("tests", ".cs").Select(file => "/" + SourceTree.NameOf(file))];
        string[] named =
            [.. TestName().Matches(Ring).Concat(TestName().Matches(Semantics)).Select(match => match.Groups[1].Value).Distinct()];
        Assert.NotEmpty(named);
        Findings.None(
            "A test class that RING or SEMANTICS names as what holds a rule is a file below tests: correct the name.",
            named.Where(
                name =>
                    !classes.Any(
                        file =>
                            file.EndsWith($"/{name}.cs", StringComparison.Ordinal)
                                || file.EndsWith($"/UffdActors.{name}.cs", StringComparison.Ordinal))));
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

    [GeneratedRegex(@"`([a-z][a-z0-9]*(?:-[a-z0-9]+)+)`")]
    private static partial Regex MutantName();

    [GeneratedRegex(@"`([\w./]*\w+Tests)`")]
    private static partial Regex TestName();

    [GeneratedRegex(@"\n(?=\* |\| |#)|\n\n(?!\*Reason)")]
    private static partial Regex BlockEnd();
}
