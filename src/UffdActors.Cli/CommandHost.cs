using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Globalization;
using UffdActors.Cli.Commands;
using UffdActors.Cli.Commands.Migrate;
using UffdActors.Cli.Commands.Serve;
using UffdActors.Cli.Commands.Vmm;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Usage;
using UffdActors.Configuration;
using UffdActors.Model.Backends;

namespace UffdActors.Cli;

/// <summary>Parses a command line, runs the command, and turns what went wrong into one line and an exit code.</summary>
internal sealed class CommandHost(Terminal terminal)
{
    /// <summary>Where commands write.</summary>
    public Terminal Terminal { get; } = terminal;

    /// <summary>Runs a command line.</summary>
    /// <param name="args">Arguments.</param>
    /// <param name="cancel">Cancelled by Ctrl-C.</param>
    /// <returns>An <see cref="ExitCode"/>.</returns>
    public async Task<int> RunAsync(IReadOnlyList<string> args, CancellationToken cancel = default)
    {
        // Figures and settings are written with the invariant culture, whatever the locale of the machine, until the command has ended;
        // then the caller's culture is restored.
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        // A shell asks for completions of a command line that is not finished, so it is not parsed as one.
        if (args is [ShellScript.Question, "--", ..])
        {
            foreach (string candidate in Candidates.Of(Root(), [.. args.Skip(2)])) Terminal.WriteRaw(candidate);
            return ExitCode.Done;
        }

        // @FILE is an argument like any other, and no list of arguments in a file.
        ParseResult result = Root().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (Misuse(result) is { } misuse)
        {
            Terminal.WriteError($"{misuse} (try: uffd {NameOf(result.CommandResult)}--help)");
            return ExitCode.BadInput;
        }

        try
        {
            InvocationConfiguration invocation =
                new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null, Output = Terminal.Output };
            return await result.InvokeAsync(invocation, cancel);
        }
        catch (Exception e) when (CommandFailures.ExitCodeOf(e, cancel) is { } code)
        {
            if (code == ExitCode.Interrupted) Terminal.WriteInterrupted(CommandFailures.Interrupted);
            else Terminal.WriteError(WithPlace(result, e));
            return code;
        }
    }

    /// <summary>All commands.</summary>
    internal RootCommand Root()
    {
        RootCommand root =
            new("userfaultfd as actors: page faults resolved in user space, in a model, under a seeded scheduler, or on the kernel.");
        // [suggest:N] completes command lines for a shell and does not check the number; it is not used here.
        root.Directives.Clear();
        root.Subcommands.Add(PostCopyCommand.Build(Terminal));
        root.Subcommands.Add(MigrateCommand.Build(Terminal));
        root.Subcommands.Add(VmmCommand.Build(Terminal));
        root.Subcommands.Add(ServeCommand.Build(Terminal));
        root.Subcommands.Add(BackendsCommand.Build(Terminal));
        root.Subcommands.Add(ConformCommand.Build(Terminal));
        root.Subcommands.Add(BenchCommand.Build(Terminal));
        root.Subcommands.Add(AskCommand.Build(Terminal));
        root.Subcommands.Add(DiffCommand.Build(Terminal));
        root.Subcommands.Add(DesignsCommand.Build(Terminal));
        root.Subcommands.Add(DoctorCommand.Build(Terminal));
        root.Subcommands.Add(ProgramServerCommand.Build());
        root.Subcommands.Add(RecordCommand.Build(Terminal));
        root.Subcommands.Add(ExploreCommand.Build(Terminal));
        root.Subcommands.Add(ReplayCommand.Build(Terminal));
        root.Subcommands.Add(StressCommand.Build(Terminal));
        root.Subcommands.Add(CompletionCommand.Build(Terminal));
        root.Subcommands.Add(HelpCommand.Build(Terminal, root));
        if (Terminal.Columns is { } columns && root.Options.OfType<HelpOption>().First().Action is HelpAction help) help.MaxWidth = columns;
        return root;
    }

    // Some values are refused only by the part that reads them, which does not know in which file they were written.
    private static string WithPlace(ParseResult result, Exception e)
    {
        string message = CommandFailures.MessageOf(e);
        return e is UffdConfigurationException or ModuleException
            && result.CommandResult.Command.Options.FirstOrDefault(o => o.Name == RuntimeOptions.ConfigName) is Option<string?> option
            && result.GetValue(option) is { Length: > 0 } path && !message.Contains(path, StringComparison.Ordinal)
                ? ConfigFile.WithPlace(path, message, e is ModuleException ? "uffd.modules" : null) : message;
    }

    // An unknown word explains more than the argument that is missing because of it. An empty one is a shell variable that was not set.
    private static string? Misuse(ParseResult result)
    {
        string NotThere(string word) => $"{word}: there is no such command or option"
            + Suggestion.For(result.RootCommandResult.Command, result.CommandResult.Command, word);

        // The parser passes over what looks like a directive, even where there are none.
        if (result.Tokens is [{ Type: TokenType.Directive } directive, ..])
            return NotThere(directive.Value);
        if (result.UnmatchedTokens is [{ Length: > 0 } unknown, ..]) return NotThere(unknown);
        for (int i = 0; i < result.Tokens.Count; i++)
        {
            if (result.Tokens[i].Value.Length == 0)
                return i == 0 ? "The first argument is empty." : $"{result.Tokens[i - 1].Value}: what follows is empty.";
        }

        return result.Errors.Count > 0 ? result.Errors[0].Message : null;
    }

    private static string NameOf(CommandResult command) =>
        command.Command is RootCommand ? "" : (command.Parent is CommandResult outer ? NameOf(outer) : "") + command.Command.Name + " ";
}
