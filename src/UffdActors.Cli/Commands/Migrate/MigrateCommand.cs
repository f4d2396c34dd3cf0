using System.CommandLine;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Commands.Migrate;

/// <summary><c>uffd migrate</c>: a running guest moves from one process to another.</summary>
internal static class MigrateCommand
{
    public static Command Build(Terminal terminal)
    {
        Command command = new("migrate", "Move a running guest from one process to another, and verify every byte.");
        command.Subcommands.Add(MigrateReceiveCommand.Build(terminal));
        command.Subcommands.Add(MigrateSendCommand.Build(terminal));
        command.Subcommands.Add(MigrateDemoCommand.Build(terminal));
        command.Subcommands.Add(Tell(terminal, "status", "Ask an end of a migration how far it is."));
        command.Subcommands.Add(Tell(terminal, "switch", "Tell the sending end to hand the guest over now."));
        command.Subcommands.Add(Tell(terminal, "recover", "Tell the sending end to connect again now."));
        command.Subcommands.Add(Tell(terminal, "resume-here", "Tell the sending end that the other process is gone: its guest goes on."));
        Option<bool> loss = Options.TypedOptions.Flag("--with-loss", "Also if the guest is lost by it.");
        command.Subcommands.Add(Tell(terminal, "abandon", "Give a migration up; refused where the guest would be lost.", loss));
        return command;
    }

    private static Command Tell(Terminal terminal, string name, string description, Option<bool>? flag = null)
    {
        Argument<string> control = new("control") { Description = "Path of its control socket.", HelpName = "PATH" };
        Command command = new(name, description) { control };
        if (flag is not null) command.Options.Add(flag);
        command.SetAction(async (arguments, cancel) =>
        {
            string line = flag is not null && arguments.GetValue(flag) ? $"{name} {flag.Name}" : name;
            string answer = await ControlSocket.AskAsync(arguments.GetValue(control)!, line, cancel);
            if (answer.StartsWith(Refused, StringComparison.Ordinal)) throw new CommandException(ExitCode.Failed, answer[Refused.Length..]);
            terminal.WriteRaw(answer);
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>How an answer begins that says no.</summary>
    public const string Refused = "refused: ";
}
