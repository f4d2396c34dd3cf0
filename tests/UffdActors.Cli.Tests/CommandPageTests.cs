using System.CommandLine;
using System.Text.RegularExpressions;
using UffdActors.Cli.Hosting;
using UffdActors.Testing;

namespace UffdActors.Cli.Tests;

/// <summary>The pages about commands name the commands and options that there are.</summary>
public partial class CommandPageTests
{
    private const string Commands = "src/UffdActors.Cli/COMMANDS.md";
    private const string Json = "src/UffdActors.Cli/JSON.md";

    public static TheoryData<string> Pages =>
    [
        "README.md", "src/README.md", "tests/README.md", "bench/README.md", "bench/RESULTS.md", "src/UffdActors/README.md",
        Commands, Json, "src/UffdActors.Explore/README.md", "src/UffdActors.Stress/README.md",
        "src/UffdActors.Watchdog/README.md", "src/UffdActors.Kvm/README.md", "src/UffdActors.Serve/README.md",
    ];

    private static RootCommand Root => new CommandHost(new Terminal(TextWriter.Null, TextWriter.Null, isInteractive: false)).Root();

    [Fact]
    public void COMMANDS_has_a_section_for_each_command()
    {
        string[] sections = SectionsOf(Commands);
        Findings.None($"Each command has a section in {Commands}: write one.", Leaves().Select(leaf => leaf.Name).Except(sections));
        // A further section is about one mode of a command.
        Findings.None($"A section of {Commands} is about a command that there is: correct its heading.", WrongAmong(sections));
    }

    [Fact]
    public void JSON_has_a_section_for_each_command_that_writes_a_document()
    {
        string[] sections = SectionsOf(Json);
        IEnumerable<string> writers = Leaves().Where(leaf => OptionsOf(leaf.Command).Contains("--json")).Select(leaf => leaf.Name);
        Findings.None($"Each command with --json has a section in {Json}: write one.", writers.Except(sections));
        Findings.None($"A section of {Json} is about a command that there is: correct its heading.", WrongAmong(sections));
    }

    [Fact]
    public void The_first_page_has_a_row_that_names_each_command()
    {
        IEnumerable<string> shown = Read("README.md").Split('\n').Where(line => line.StartsWith("| `uffd ", StringComparison.Ordinal))
            .SelectMany(line => CodeSpan().Matches(line.Split(" | ")[0]).Select(m => m.Groups[1].Value.Split(' ')[1]));
        Findings.None(
            "Each command is named in README.md's table of commands: write a row, or name it in one.",
            Root.Subcommands.Where(c => !c.Hidden).Select(c => c.Name).Except(shown));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Each_command_line_on_a_page_is_one_that_there_is(string page)
    {
        string text = Read(page);
        IEnumerable<string> shown = CodeSpan().Matches(text).Select(m => m.Groups[1].Value.Replace('\n', ' ')).Concat(text.Split('\n'));
        Findings.None(
            $"{page} shows command lines that there are: correct them there, or in the command.",
            WrongAmong(shown.Where(line => line.StartsWith("uffd ", StringComparison.Ordinal))));
    }

    [Fact]
    public void Each_option_that_COMMANDS_explains_is_one_of_its_section()
    {
        List<string> wrong = [];
        foreach (string section in Read(Commands).Split("\n## uffd ")[1..])
        {
            string[] words = section[..section.IndexOf('\n', StringComparison.Ordinal)].Split(' ');
            Command command = words.Aggregate((Command)Root, (at, word) => at.Subcommands.FirstOrDefault(c => c.Name == word) ?? at);
            IEnumerable<string> spans = CodeSpan().Matches(section).Select(m => m.Groups[1].Value)
                .Where(span => span.StartsWith("--", StringComparison.Ordinal));
            foreach (string option in spans.SelectMany(span => Option().Matches(span)).Select(m => m.Value))
            {
                if (!OptionsOf(command).Contains(option)) wrong.Add($"## uffd {string.Join(' ', words)}: {option}");
            }
        }

        Findings.None($"An option that {Commands} explains is one of its section's command: correct the name, or move it.", wrong);
    }

    [Theory]
    [InlineData("uffd postcopi", "no such command")]
    [InlineData("uffd bench fault", "no such command")]
    [InlineData("uffd bench faults --world live --backends shmem", "no --backends")]
    public void A_command_line_that_there_is_not_is_noticed(string line, string wrong) =>
        Assert.EndsWith(wrong, WrongIn(line), StringComparison.Ordinal);

    private static IEnumerable<string> WrongAmong(IEnumerable<string> lines) => lines.Select(WrongIn).Where(wrong => wrong.Length > 0);

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

        bool isGroup = command.Subcommands.Count > 0 && command.Action is null;
        if (isGroup && words is not [['-', ..], ..] && words is not ["bench"]) return $"{line}: no such command";
        string? unknown = Option().Matches(line).Select(m => m.Value).FirstOrDefault(option => !OptionsOf(command).Contains(option));
        return unknown is null ? "" : $"{line}: no {unknown}";
    }

    /// <summary>The commands that do something, with their names in full.</summary>
    internal static IEnumerable<(string Name, Command Command)> Leaves(Command? of = null, string prefix = "uffd") =>
        (of ?? Root).Subcommands.Where(c => !c.Hidden)
            .SelectMany(c => (c.Action is null ? [] : new[] { ($"{prefix} {c.Name}", c) }).Concat(Leaves(c, $"{prefix} {c.Name}")));

    internal static IEnumerable<string> OptionsOf(Command command) =>
        command.Options.SelectMany(o => o.Aliases.Append(o.Name)).Append("--help").Append("--version");

    private static string[] SectionsOf(string page) =>
        [.. Read(page).Split('\n').Where(line => line.StartsWith("## ", StringComparison.Ordinal)).Select(line => line[3..])];

    private static string Read(string page) => File.ReadAllText(Path.Combine(SourceTree.Root, page));

    [GeneratedRegex("(?<!`)`([^`]+)`(?!`)")]
    private static partial Regex CodeSpan();

    [GeneratedRegex("(?<=^|[ |])--[a-z][a-z-]*")]
    private static partial Regex Option();
}
