using System.Text.RegularExpressions;
using UffdActors.Testing;

namespace UffdActors.Tests.Architecture;

/// <summary>Nothing is left for later in a comment, and what is silenced (a warning, an exception) has its reason beside it.</summary>
public sealed partial class LooseEndTests
{
    public static TheoryData<string> Folders => ["src", "tests", "bench", "hocon"];

    [Theory]
    [MemberData(nameof(Folders))]
    public void No_comment_leaves_work_for_later(string folder) => Findings.None(
        "Do it now, or write an issue: a mark in a comment is found by nobody.", Found(folder, Later()));

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_warning_is_switched_off_with_its_reason(string folder) => Findings.None(
        "Write why behind the pragma, as in `#pragma warning disable CS1591 // The names are the documentation.`",
        Found(folder, Unexplained()));

    [Theory]
    [MemberData(nameof(Folders))]
    public void An_exception_is_passed_over_with_its_reason(string folder) => Findings.None(
        "A catch block without a statement holds a comment that says why nothing is to be done.", Found(folder, EmptyCatch()));

    [Theory]
    [InlineData("// TODO: later", true)]
    [InlineData("# FIXME", true)]
    [InlineData("\"Method\"", false)]
    public void A_mark_is_a_word_of_its_own(string text, bool isFound) => Assert.Equal(isFound, Later().IsMatch(text));

    [Theory]
    [InlineData("#pragma warning disable CS1591\n", true)]
    [InlineData("#pragma warning disable CS1591, CA1051 // The names are the kernel's.\n", false)]
    [InlineData("#pragma warning restore CS1591\n", false)]
    public void A_reason_stands_behind_the_number(string text, bool isFound) => Assert.Equal(isFound, Unexplained().IsMatch(text));

    [Theory]
    [InlineData("catch (IOException)\n        {\n        }\n", true)]
    [InlineData("catch (Exception e) when (e is IOException or SocketException) { }", true)]
    [InlineData("catch (IOException)\n        {\n            // It is closed.\n        }\n", false)]
    [InlineData("catch (IOException) when (Flaw is { } flaw)\n        {\n            Report(flaw);\n        }\n", false)]
    public void A_comment_makes_a_catch_block_explained(string text, bool isFound) => Assert.Equal(isFound, EmptyCatch().IsMatch(text));

    private static IEnumerable<string> Found(string folder, Regex what)
    {
        foreach (string file in SourceTree.Files(folder, ".cs", ".conf", ".md", ".csproj", ".props", ".targets"))
        {
            if (Path.GetFileName(file) == $"{nameof(LooseEndTests)}.cs") continue;
            string text = File.ReadAllText(file);
            foreach (Match match in what.Matches(text))
                yield return $"{SourceTree.NameOf(file)}:{text.AsSpan(0, match.Index).Count('\n') + 1}: {match.Value.Split('\n')[0]}";
        }
    }

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b")]
    private static partial Regex Later();

    [GeneratedRegex(@"#pragma warning disable [A-Z0-9, ]*\r?$", RegexOptions.Multiline)]
    private static partial Regex Unexplained();

    [GeneratedRegex(@"\bcatch\b[^{}\n]*\s*(?<!\bis )\{\s*\}")]
    private static partial Regex EmptyCatch();
}
