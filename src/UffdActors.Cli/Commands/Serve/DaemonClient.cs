using System.CommandLine;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Serve;

namespace UffdActors.Cli.Commands.Serve;

/// <summary><c>uffd serve status</c> and the other commands that speak to a daemon.</summary>
internal static class DaemonClient
{
    public static IEnumerable<Command> Build(Terminal terminal) =>
        [Status(terminal), List(terminal), Create(terminal), Drain(terminal), Close(terminal)];

    private static Command Status(Terminal terminal)
    {
        Option<string> control = Control();
        Option<string?> json = TypedOptions.Json();
        Command command = new("status", "Ask a daemon how it is.") { control, json };
        command.SetAction(async (arguments, cancel) =>
        {
            using JsonTarget target = JsonTarget.Open(terminal, arguments.GetValue(json));
            ControlAnswer answer = await AskAsync(arguments.GetValue(control)!, (c, stop) => c.StatusAsync(stop), cancel);
            DaemonText.Write(target.Report, answer.Status!);
            target.Write(JsonText.Of("uffd-serve-status", answer.Status!));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command List(Terminal terminal)
    {
        Option<string> control = Control();
        Argument<string?> session = new("SESSION") { Description = "One session; all without.", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> figures = TypedOptions.Flag("--figures", "With the figures of each guest.");
        Option<string?> json = TypedOptions.Json();
        Command command = new("list", "List a daemon's sessions and their guests.") { session, control, figures, json };
        command.SetAction(async (arguments, cancel) =>
        {
            using JsonTarget target = JsonTarget.Open(terminal, arguments.GetValue(json));
            ControlAnswer answer = await AskAsync(
                arguments.GetValue(control)!,
                (c, stop) => c.ListAsync(arguments.GetValue(session), arguments.GetValue(figures), stop), cancel);
            DaemonText.Write(target.Report, answer.Sessions!);
            target.Write(JsonText.Of("uffd-serve-list", new { answer.Sessions }));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Create(Terminal terminal)
    {
        SessionSpec plain = new() { Session = "", Socket = "", Memory = "" };
        Option<string> control = Control();
        Argument<string> session = Session();
        Option<string> socket = TypedOptions.Required("--socket", "PATH", "Unix socket to which its VMMs connect.");
        Option<string> memory = TypedOptions.Required("--memory", "FILE", "Memory file of the snapshot; read, never written.");
        Option<string[]> diffs = TypedOptions.Texts(
            "--diff", "FILE", "Diff of the memory file: what is stored in it overrides what is below. Again for one over that.");
        Option<Named<FailurePolicy>> policy = TypedOptions.Choice(
            "--on-failure", "What becomes of a guest that cannot be served on: asleep, or its VMM killed.", plain.OnFailure);
        Option<string> mode = TypedOptions.Text("--socket-mode", "MODE", "Permissions of the socket, octal.", plain.SocketMode);
        Option<int?> guests = TypedOptions.Number("--max-guests", "N", "Guests at a time.", 1, GuestServerOptions.MostSessions);
        Option<int> faults = TypedOptions.Number(
            "--max-faults", "N", "Faults of a guest that are worked on at a time; others wait in the kernel.", plain.MaxFaults, 1,
            int.MaxValue);
        Option<string?> workingSet = TypedOptions.Text(
            "--working-set", "FILE", "Fetch these pages first, recorded earlier. May be the file that is to be recorded.");
        Option<string?> record = TypedOptions.Text(
            "--record-working-set", "FILE", "Write which pages the first guest asks for, in order; they are fetched ahead for the next.");
        Option<TimeSpan> recordFor = TypedOptions.Duration(
            "--record-for", "How long the first guest is recorded, if it does not end before.", plain.RecordTime);
        Option<long?> bandwidth = TypedOptions.Size(
            "--bandwidth", "Bytes a second that are fetched ahead for each guest. Default: as fast as it goes.", 1);
        Command command = new("create", "Have a daemon begin a session.")
        {
            session, control, socket, memory, diffs, workingSet, record, recordFor, bandwidth, policy, mode, guests, faults,
        };
        command.SetAction(async (arguments, cancel) =>
        {
            SessionSpec spec = plain with
            {
                Session = arguments.GetValue(session)!,
                Socket = Path.GetFullPath(arguments.GetValue(socket)!),
                Memory = Path.GetFullPath(arguments.GetValue(memory)!),
                Diffs = [.. (arguments.GetValue(diffs) ?? []).Select(Path.GetFullPath)],
                OnFailure = arguments.GetValue(policy)!.Value,
                SocketMode = arguments.GetValue(mode)!,
                MaxGuests = arguments.GetValue(guests) ?? plain.MaxGuests,
                MaxFaults = arguments.GetValue(faults),
                WorkingSet = FullPath(arguments.GetValue(workingSet)),
                RecordWorkingSet = FullPath(arguments.GetValue(record)),
                RecordForMs = (long)arguments.GetValue(recordFor).TotalMilliseconds,
                BytesPerSecond = arguments.GetValue(bandwidth) ?? 0,
            };
            ControlAnswer answer = await AskAsync(arguments.GetValue(control)!, (c, stop) => c.CreateAsync(spec, stop), cancel);
            DaemonText.Write(terminal, answer.Sessions!);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Drain(Terminal terminal)
    {
        Option<string> control = Control();
        Argument<string> session = Session();
        Option<int?> guest = TypedOptions.Number("--guest", "N", "One guest; all of the session without.", 1, int.MaxValue);
        Command command = new("drain", "Have a daemon fill all pages of a session's guests and let them go.") { session, control, guest };
        command.SetAction(async (arguments, cancel) =>
        {
            ControlAnswer answer = await AskAsync(
                arguments.GetValue(control)!,
                (c, stop) => c.DrainAsync(arguments.GetValue(session)!, arguments.GetValue(guest), stop), cancel);
            terminal.WriteLine($"released, with all pages: {Figures.Count(answer.Released ?? 0, "guest", "guests")}");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Close(Terminal terminal)
    {
        Option<string> control = Control();
        Argument<string> session = Session();
        Option<bool> kill = TypedOptions.Flag("--kill", "Also if it has guests: their VMMs are killed.");
        Command command = new("close", "Have a daemon end a session that has no guests.") { session, control, kill };
        command.SetAction(async (arguments, cancel) =>
        {
            ControlAnswer answer = await AskAsync(
                arguments.GetValue(control)!,
                (c, stop) => c.CloseAsync(arguments.GetValue(session)!, arguments.GetValue(kill), stop), cancel);
            terminal.WriteLine($"closed; {Figures.Count(answer.Killed ?? 0, "VMM was", "VMMs were")} killed");
            return ExitCode.Done;
        });
        return command;
    }

    private static string? FullPath(string? path) => path is null ? null : Path.GetFullPath(path);

    private static Option<string> Control() =>
        TypedOptions.Text("--control", "PATH", "Control socket of the daemon.", "/run/uffd/control");

    private static Argument<string> Session() => new("SESSION") { Description = "Name of the session." };

    private static async Task<ControlAnswer> AskAsync(
        string path, Func<ControlClient, CancellationToken, Task<ControlAnswer>> ask, CancellationToken cancel)
    {
        using ControlClient client = await ControlClient.ConnectAsync(path, cancel);
        return await ask(client, cancel);
    }
}
