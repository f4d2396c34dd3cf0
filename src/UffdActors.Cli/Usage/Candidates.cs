using System.CommandLine;
using System.CommandLine.Help;

namespace UffdActors.Cli.Usage;

/// <summary>What may stand where a command line ends, for a shell that completes it.</summary>
internal static class Candidates
{
    /// <summary>The words that go on, each with a tabulator and what it means.</summary>
    /// <param name="root">All commands.</param>
    /// <param name="words">The words behind the program, the last of which is to be completed; it may be empty.</param>
    /// <returns>None where a file, a number or nothing is to be typed.</returns>
    public static IEnumerable<string> Of(Command root, IReadOnlyList<string> words)
    {
        string last = words.Count > 0 ? words[^1] : "";
        Command command = root;
        Option? pending = null;
        for (int i = 0; i < words.Count - 1; i++)
        {
            string word = words[i];
            if (word == "=") continue;
            if (pending is not null)
            {
                pending = null;
            }
            else if (word.StartsWith('-'))
            {
                pending = Named(command, word) is { } option && TakesValue(option) ? option : null;
            }
            else if (command.Subcommands.FirstOrDefault(c => c.Name == word) is { } next)
            {
                command = next;
            }
        }

        // The words of a line as bash splits them: --world = mo.
        if (last == "=") last = "";
        if (pending is not null) return Values(pending, "", last);
        if (last.StartsWith('-') && last.Split('=', 2) is [var name, var value])
            return Named(command, name) is { } option ? Values(option, name + "=", value) : [];
        IEnumerable<(string Name, string? Description)> all = last.StartsWith('-')
            ? command.Options.Where(o => !o.Hidden).Select(o => (o.Name, o.Description))
            : command.Subcommands.Where(c => !c.Hidden).Select(c => (c.Name, c.Description))
                .Concat(command.Arguments.SelectMany(a => Words(a.HelpName)).Select(word => (word, (string?)"")));
        return all.Where(one => one.Name.StartsWith(last, StringComparison.Ordinal)).Select(one => $"{one.Name}\t{one.Description}");
    }

    private static Option? Named(Command command, string name) =>
        command.Options.FirstOrDefault(o => o.Name == name || o.Aliases.Contains(name));

    private static bool TakesValue(Option option) =>
        option is not HelpOption && option.ValueType != typeof(bool) && option.HelpName is not null;

    private static IEnumerable<string> Values(Option option, string prefix, string begun) =>
        Words(option.HelpName).Where(word => word.StartsWith(begun, StringComparison.Ordinal)).Select(word => $"{prefix}{word}\t");

    // In the help, words that are typed as they are stand with bars between; what stands for something else is in capitals.
    private static string[] Words(string? helpName) =>
        helpName is null || helpName.Any(char.IsAsciiLetterUpper) ? [] : helpName.Split('|');
}
