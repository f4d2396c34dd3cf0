using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using UffdActors.Cli.Commands;

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
        // Figures and settings are written as in the documentation, whatever the machine speaks; for all that is done here, and for the
        // caller again as it was.
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
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
        catch (Exception e) when (Failures.ExitCodeOf(e, cancel) is { } code)
        {
            if (code == ExitCode.Interrupted) Terminal.WriteInterrupted(Failures.MessageOf(e));
            else Terminal.WriteError(Failures.MessageOf(e));
            return code;
        }
    }

    /// <summary>All commands.</summary>
    internal RootCommand Root()
    {
        RootCommand root =
            new("userfaultfd as actors: page faults resolved in user space, in a model, under a seeded scheduler, or on the kernel.");
        // [suggest:N] answers whoever completes command lines for a shell, and trusts the number; nobody needs it here.
        root.Directives.Clear();
        root.Subcommands.Add(PostCopyCommand.Build(this));
        root.Subcommands.Add(BackendsCommand.Build(this));
        root.Subcommands.Add(ConformCommand.Build(this));
        root.Subcommands.Add(BenchCommand.Build(this));
        root.Subcommands.Add(AskCommand.Build(this));
        root.Subcommands.Add(DiffCommand.Build(this));
        root.Subcommands.Add(DesignsCommand.Build(this));
        root.Subcommands.Add(DoctorCommand.Build(this));
        root.Subcommands.Add(ProgramServerCommand.Build());
        root.Subcommands.Add(RecordCommand.Build(this));
        root.Subcommands.Add(ExploreCommand.Build(this));
        root.Subcommands.Add(ReplayCommand.Build(this));
        root.Subcommands.Add(StressCommand.Build(this));
        return root;
    }

    // The word that nobody knows says more than what is lacking because of it. An empty one is a shell variable that was not set.
    private static string? Misuse(ParseResult result)
    {
        // The parser passes over what looks like a directive, even where there are none.
        if (result.Tokens is [{ Type: TokenType.Directive } directive, ..])
            return $"{directive.Value}: there is no such command or option.";
        if (result.UnmatchedTokens is [{ Length: > 0 } unknown, ..]) return $"{unknown}: there is no such command or option.";
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
