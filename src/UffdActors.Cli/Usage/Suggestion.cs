using System.CommandLine;
using UffdActors.Configuration;

namespace UffdActors.Cli.Usage;

/// <summary>What may have been meant by a word that is no command and no option.</summary>
internal static class Suggestion
{
    /// <summary>The end of a sentence: "; did you mean X?", or a full stop if nothing is near.</summary>
    /// <param name="root">All commands.</param>
    /// <param name="command">The command whose part the word would be.</param>
    /// <param name="word">The word.</param>
    public static string For(Command root, Command command, string word) =>
        Meant(root, command, word) is { } meant ? $"; did you mean {meant}?" : ".";

    private static string? Meant(Command root, Command command, string word)
    {
        string name = word.Split('=')[0];
        if (name.StartsWith('-')) return Near(name, command.Options.Where(o => !o.Hidden).Select(o => o.Name));
        return Near(name, Visible(command).Select(c => c.Name))
            ?? Paths(root, "uffd").FirstOrDefault(path => path.EndsWith(" " + name, StringComparison.Ordinal));
    }

    // The nearest by its first letters among several that are near.
    private static string? Near(string word, IEnumerable<string> names) => names
        .Where(name => Spelling.IsNear(word, name) || (word.Length > 2 && name.StartsWith(word, StringComparison.Ordinal)))
        .MaxBy(name => name.Zip(word).TakeWhile(pair => pair.First == pair.Second).Count());

    // A command of a group may be asked for without it.
    private static IEnumerable<string> Paths(Command command, string path) =>
        Visible(command).SelectMany(c => Paths(c, $"{path} {c.Name}").Prepend($"{path} {c.Name}"));

    private static IEnumerable<Command> Visible(Command command) => command.Subcommands.Where(c => !c.Hidden);
}
