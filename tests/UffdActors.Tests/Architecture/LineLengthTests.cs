using UffdActors.Testing;

namespace UffdActors.Tests.Architecture;

/// <summary>Lines of at most 140 characters, in code and in prose; tables and blocks of code in Markdown are as they are.</summary>
public class LineLengthTests
{
    private const int Most = 140;
    private const string Rule = "A line has at most 140 characters (tables and blocks of code in Markdown are free): break it.";

    public static TheoryData<string> Folders => ["src", "tests", "bench", "hocon"];

    [Theory]
    [MemberData(nameof(Folders))]
    public void No_line_is_longer_than_140_characters(string folder) =>
        Findings.None(Rule, SourceTree.Files(folder, ".cs", ".md", ".conf", ".c").Where(IsText).SelectMany(TooLong));

    [Fact]
    public void Nor_is_one_of_the_first_page() => Findings.None(Rule, TooLong(Path.Combine(SourceTree.Root, "README.md")));

    [Fact]
    public void The_first_page_has_at_most_8_KiB() => Assert.InRange(
        new FileInfo(Path.Combine(SourceTree.Root, "README.md")).Length, 1, 8192);

    // Recordings are data; what is said of their form is prose.
    private static bool IsText(string file) =>
        Path.GetExtension(file) == ".md" || !SourceTree.NameOf(file).StartsWith(Path.Combine("tests", "Data"), StringComparison.Ordinal);

    private static IEnumerable<string> TooLong(string file)
    {
        bool isProse = Path.GetExtension(file) == ".md";
        bool isCode = false;
        int number = 0;
        foreach (string line in File.ReadLines(file))
        {
            number++;
            if (isProse && line.StartsWith("```", StringComparison.Ordinal)) isCode = !isCode;
            if (line.Length <= Most || isCode || (isProse && line.TrimStart().StartsWith('|'))) continue;
            yield return $"{SourceTree.NameOf(file)}:{number}: {line.Length} characters";
        }
    }
}
