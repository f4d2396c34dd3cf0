using System.CommandLine;
using System.Text.RegularExpressions;
using UffdActors.Cli.Hosting;
using UffdActors.Testing;

namespace UffdActors.Cli.Tests;

/// <summary>The pages about commands name the commands and options that there are.</summary>
public partial class CommandPageTests
{
    public static TheoryData<string> Pages =>
    [
        "README.md", "src/README.md", "tests/README.md", "bench/README.md", "bench/RESULTS.md", "src/UffdActors/README.md",
        "src/UffdActors.Cli/COMMANDS.md",
        "src/UffdActors.Cli/JSON.md", "src/UffdActors.Explore/README.md", "src/UffdActors.Stress/README.md",
        "src/UffdActors.Watchdog/README.md",
    ];

    private static RootCommand Root => new CommandHost(new Terminal(TextWriter.Null, TextWriter.Null, isInteractive: false)).Root();

    [Fact]
    public void COMMANDS_has_a_section_for_each_command()
    {
        string[] sections = SectionsOf("src/UffdActors.Cli/COMMANDS.md");
        Assert.Empty(Leaves().Select(leaf => leaf.Name).Except(sections));
        // A further section is about one mode of a command.
        Assert.All(sections, section => Assert.Equal("", WrongIn(section)));
    }

    [Fact]
    public void JSON_has_a_section_for_each_command_that_writes_a_document()
    {
        string[] sections = SectionsOf("src/UffdActors.Cli/JSON.md");
        IEnumerable<string> writers = Leaves().Where(leaf => OptionsOf(leaf.Command).Contains("--json")).Select(leaf => leaf.Name);
        Assert.Empty(writers.Except(sections));
        Assert.All(sections, section => Assert.Equal("", WrongIn(section)));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Each_command_line_on_a_page_is_one_that_there_is(string page)
    {
        string text = Read(page);
        IEnumerable<string> shown = CodeSpan().Matches(text).Select(m => m.Groups[1].Value.Replace('\n', ' ')).Concat(text.Split('\n'));
        foreach (string line in shown.Where(line => line.StartsWith("uffd ", StringComparison.Ordinal))) Assert.Equal("", WrongIn(line));
    }

    [Fact]
    public void Each_option_that_COMMANDS_explains_is_one_of_its_section()
    {
        foreach (string section in Read("src/UffdActors.Cli/COMMANDS.md").Split("\n## uffd ")[1..])
        {
            string[] words = section[..section.IndexOf('\n', StringComparison.Ordinal)].Split(' ');
            Command command = words.Aggregate((Command)Root, (at, word) => at.Subcommands.FirstOrDefault(c => c.Name == word) ?? at);
            IEnumerable<string> spans = CodeSpan().Matches(section).Select(m => m.Groups[1].Value)
                .Where(span => span.StartsWith("--", StringComparison.Ordinal));
            foreach (string option in spans.SelectMany(span => Option().Matches(span)).Select(m => m.Value))
                Assert.Contains(option, OptionsOf(command));
        }
    }

    [Theory]
    [InlineData("uffd postcopi", "no such command")]
    [InlineData("uffd bench fault", "no such command")]
    [InlineData("uffd bench faults --world live --backends shmem", "no --backends")]
    public void A_command_line_that_there_is_not_is_noticed(string line, string wrong) =>
        Assert.EndsWith(wrong, WrongIn(line), StringComparison.Ordinal);

    // What is wrong with a command line, or nothing.
    private static string WrongIn(string line)
    {
        Command command = Root;
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..];
        if (words is ["COMMAND", ..]) return "";
        foreach (string word in words)
        {
            if (command.Subcommands.FirstOrDefault(c => c.Name == word.TrimEnd(',')) is not { } next) break;
            command = next;
        }

        if (command.Subcommands.Count > 0 && words is not [['-', ..], ..] && words is not ["bench"]) return $"{line}: no such command";
        string? unknown = Option().Matches(line).Select(m => m.Value).FirstOrDefault(option => !OptionsOf(command).Contains(option));
        return unknown is null ? "" : $"{line}: no {unknown}";
    }

    private static IEnumerable<(string Name, Command Command)> Leaves(Command? of = null, string prefix = "uffd") =>
        (of ?? Root).Subcommands.Where(c => !c.Hidden)
            .SelectMany(c => c.Subcommands.Count > 0 ? Leaves(c, $"{prefix} {c.Name}") : [($"{prefix} {c.Name}", c)]);

    private static IEnumerable<string> OptionsOf(Command command) =>
        command.Options.SelectMany(o => o.Aliases.Append(o.Name)).Append("--help").Append("--version");

    private static string[] SectionsOf(string page) =>
        [.. Read(page).Split('\n').Where(line => line.StartsWith("## ", StringComparison.Ordinal)).Select(line => line[3..])];

    private static string Read(string page) => File.ReadAllText(Path.Combine(SourceTree.Root, page));

    [GeneratedRegex("(?<!`)`([^`]+)`(?!`)")]
    private static partial Regex CodeSpan();

    [GeneratedRegex("(?<=^|[ |])--[a-z][a-z-]*")]
    private static partial Regex Option();
}
