using System.CommandLine;
using System.Reflection;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Usage;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd help</c>: the help of a command, or all of them as a manual page.</summary>
internal static class HelpCommand
{
    /// <summary>Makes the command.</summary>
    /// <param name="terminal">Where it writes.</param>
    /// <param name="root">All commands, this one among them.</param>
    public static Command Build(Terminal terminal, RootCommand root)
    {
        Argument<string[]> words = new("command") { Description = "A command, in one word or two.", Arity = ArgumentArity.ZeroOrMore };
        Option<bool> man = TypedOptions.Flag("--man", "Write the manual page of all commands instead: uffd help --man > uffd.1.");
        Command command = new("help", "Show the help of a command, or write the manual page.") { words, man };
        command.SetAction(async (parsed, cancel) =>
        {
            if (parsed.GetValue(man))
            {
                terminal.Output.Write(ManPage.Of(root, Version));
                return ExitCode.Done;
            }

            string[] asked = parsed.GetValue(words) ?? [];
            Command at = root;
            foreach (string word in asked)
            {
                at = at.Subcommands.FirstOrDefault(c => c.Name == word && !c.Hidden)
                    ?? throw CommandException.BadInput(
                        $"{word}: there is no such command{Suggestion.For(root, at, word)} (try: uffd --help)");
            }

            return await root.Parse([.. asked, "--help"]).InvokeAsync(new InvocationConfiguration { Output = terminal.Output }, cancel);
        });
        return command;
    }

    private static string Version =>
        typeof(HelpCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
