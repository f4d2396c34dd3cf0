using System.CommandLine;
using System.Globalization;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;

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
        command.Subcommands.Add(MigrateTortureCommand.Build(terminal));
        command.Subcommands.Add(MigrateShuttleCommand.Build(terminal));
        command.Subcommands.Add(Tell(terminal, "status", "Ask an end of a migration how far it is."));
        command.Subcommands.Add(Tell(terminal, "switch", "Tell the sending end to hand the guest over now."));
        command.Subcommands.Add(Tell(terminal, "recover", "Tell the sending end to connect again now."));
        command.Subcommands.Add(Tell(terminal, "resume-here", "Tell the sending end that the other process is gone: its guest goes on."));
        Option<bool> loss = TypedOptions.Flag("--with-loss", "Also if the guest is lost by it.");
        Command abandon = Tell(
            terminal, "abandon", "Give a migration up; refused where the guest would be lost.",
            arguments => arguments.GetValue(loss) ? $" {loss.Name}" : "");
        abandon.Options.Add(loss);
        command.Subcommands.Add(abandon);
        Argument<long> rate = Rate();
        Command bandwidth = Tell(
            terminal, "bandwidth", "Limit the background of the receiving end, from now on; never demand.",
            arguments => string.Create(CultureInfo.InvariantCulture, $" {arguments.GetValue(rate)}"));
        bandwidth.Arguments.Add(rate);
        command.Subcommands.Add(bandwidth);
        return command;
    }

    /// <param name="terminal">Where the answer goes.</param>
    /// <param name="name">What the other process is told.</param>
    /// <param name="description">What that does.</param>
    /// <param name="rest">What it is told besides; null for nothing.</param>
    private static Command Tell(Terminal terminal, string name, string description, Func<ParseResult, string>? rest = null)
    {
        Argument<string> control = new("control") { Description = "Path of its control socket.", HelpName = "PATH" };
        Command command = new(name, description) { control };
        command.SetAction(async (arguments, cancel) =>
        {
            string answer = await ControlSocket.AskAsync(arguments.GetValue(control)!, name + rest?.Invoke(arguments), cancel);
            if (answer.StartsWith(ControlSocket.Refused, StringComparison.Ordinal))
                throw new CommandException(ExitCode.Failed, answer[ControlSocket.Refused.Length..]);
            terminal.WriteRaw(answer);
            return ExitCode.Done;
        });
        return command;
    }

    private static Argument<long> Rate() => new("rate")
    {
        Description = "Bytes a second, or none for no limit.",
        HelpName = "SIZE|none",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (text == "none") return 0;
            if (SizeText.TryParse(text, out long bytes) && bytes > 0) return bytes;
            result.AddError($"{text}: not a size above 0; write bytes or a unit, as in 4096, 1M, 1G, or none for no limit.");
            return 0;
        },
    };
}
