using System.CommandLine;
using System.Globalization;
using Akka.Configuration;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Commands.Migrate;

/// <summary><c>uffd migrate send</c>: a guest runs here first, and is handed over.</summary>
internal sealed class MigrateSendCommand
{
    private const string Anonymous = "anon";
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(5);

    private readonly GuestChoice _guest = new();
    private readonly WireOptions _wire = new();
    private readonly Option<string> _backend =
        TypedOptions.Text("--backend", "NAME", "Memory of the guest here: anon, or a loaded module (uffd backends).", Anonymous);
    private readonly Option<int> _channels =
        TypedOptions.Number("--channels", "N", "Background lanes beside the urgent one.", 1, 1, MigrationSourceOptions.MaxChannels);
    private readonly Option<Named<int?>?> _rounds = TypedOptions.NumberOr(
        "--precopy-rounds",
        "N",
        "auto",
        "Copy before the guest is stopped: rounds over what it has written, or until little is left. Default: none.",
        1,
        1000);
    private readonly Option<long?> _bandwidth =
        TypedOptions.Size("--bandwidth", "Bytes a second of the pre-copy, at most. Default: no limit.", 1);
    private readonly Option<long?> _switchAfter = TypedOptions.Number<long>(
        "--switch-after",
        "N",
        "Accesses that the guest does here before it is handed over. Default: half of them, or what it does while it is copied.",
        0,
        1_000_000_000_000L);
    private readonly Option<bool> _manual = TypedOptions.Flag("--manual-switch", "Wait for uffd migrate switch before the hand-over.");
    private readonly Option<TimeSpan> _retry =
        TypedOptions.Duration("--retry", "Time between two attempts to connect again.", TimeSpan.FromSeconds(1));
    private readonly Option<bool> _noRetry = TypedOptions.Flag("--no-retry", "Wait for uffd migrate recover after a lost link.");
    private readonly Option<string?> _json = TypedOptions.Json();
    private readonly RuntimeOptions _runtime = new();
    private readonly Terminal _terminal;

    private MigrateSendCommand(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal) => new MigrateSendCommand(terminal).Build();

    private Command Build()
    {
        Command command = new("send", "Run a guest here, hand it over to the receiver at URI, and serve its pages until all are there.");
        _wire.AddTo(command);
        _guest.AddTo(command);
        foreach (Option option in new Option[] { _backend, _channels, _rounds, _bandwidth, _switchAfter, _manual, _retry, _noRetry, _json })
            command.Options.Add(option);
        command.Exclude(_switchAfter, _manual, "one says when, the other waits to be told");
        command.Exclude(_retry, _noRetry, "one contradicts the other");
        _runtime.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult arguments, CancellationToken cancel)
    {
        _wire.WatchParent(arguments);
        using JsonTarget json = JsonTarget.Open(_terminal, arguments.GetValue(_json));
        MigrationAddress address = _wire.Address(arguments);
        using MigrationTls? tls = _wire.Tls(arguments);
        Config? config = _runtime.Configuration(arguments);
        MigrationPlacement? placement = _wire.Placement(arguments, ref config);
        if (UffdSettings.Load(config).IsStepped)
            throw CommandException.BadInput("A migration between processes needs real time; use another --dispatcher.");
        await _wire.RehearseAsync(arguments, config, null, PostCopyMode.Missing, cancel);
        MigrationSourceReport report = await UffdRuntime.UseAsync(config, SendAsync);
        MigrateText.Write(json.TakesOutput ? _terminal.Progress : _terminal.Out, report);
        json.Write(JsonText.Of("uffd-migrate-source", MigrateSourceDocument.Of(report)));
        return report.IsDelivered && report.ExpectedHash is not null && report.ExpectedHash == report.ActualHash
            ? ExitCode.Done
            : ExitCode.Failed;

        async Task<MigrationSourceReport> SendAsync(UffdRuntime runtime)
        {
            string? backend = arguments.GetValue(_backend) is var name && name == Anonymous ? null : name;
            bool copies = arguments.GetValue(_rounds) is not null;
            using GuestImage image = _guest.Image(arguments, PostCopyMigration.PageBytesOf(runtime, backend), cancel);
            await using SendingMachine machine =
                await SendingMachine.MakeAsync(runtime, image, backend, copies, _runtime.Profile(arguments), cancel);
            WorkloadGuestOptions guestOptions = _guest.Options(arguments);
            WorkloadGuest guest = new(guestOptions);
            long here = arguments.GetValue(_switchAfter) ?? (guestOptions.Accesses / 2);
            bool isTimed = !arguments.GetValue(_manual) && (!copies || arguments.GetValue(_switchAfter) is not null);
            await guest.BeginAsync(machine.Vm, isTimed ? here : null, cancel);
            MigrationSource source = new(machine.Vm, machine.Userfault, guest, new MigrationSourceOptions
            {
                Address = address,
                Tls = tls,
                Channels = arguments.GetValue(_channels),
                PreCopy = copies
                    ? new PreCopyOptions
                    {
                        Rounds = arguments.GetValue(_rounds)!.Value,
                        BytesPerSecond = arguments.GetValue(_bandwidth) ?? 0,
                    }
                    : null,
                SwitchesByItself = copies && !arguments.GetValue(_manual) && arguments.GetValue(_switchAfter) is null,
                RetryEvery = arguments.GetValue(_noRetry) ? null : arguments.GetValue(_retry),
                PeerTimeout = _wire.PeerTimeout(arguments),
                Placement = placement,
                Verifies = true,
                Tell = what => _terminal.WriteStatus($"send: {what}"),
            });
            using ControlSocket? control = ControlSocket.Open(_wire.Control(arguments), line => FollowAsync(source, guest, line));
            using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            if (isTimed) _ = SwitchAfterAsync(source, guest, here, over.Token);
            try
            {
                return await source.RunAsync(cancel);
            }
            finally
            {
                await over.CancelAsync();
            }
        }
    }

    private static async Task SwitchAfterAsync(MigrationSource source, WorkloadGuest guest, long accesses, CancellationToken cancel)
    {
        using PeriodicTimer timer = new(Look);
        try
        {
            while (guest.Accesses < Math.Min(accesses, guest.AllAccesses)) _ = await timer.WaitForNextTickAsync(cancel);
            source.Switch();
        }
        catch (OperationCanceledException)
        {
            // The migration has ended before.
        }
    }

    private static async Task<string> FollowAsync(MigrationSource source, WorkloadGuest guest, string line)
    {
        switch (line)
        {
            case "status":
                return string.Create(
                    CultureInfo.InvariantCulture,
                    $"{source.Phase}, {(source.IsLinked ? "linked" : "no link")}, {source.Rounds} rounds of pre-copy, "
                        + $"{source.SentPages} pages and {source.SentBytes} bytes sent, {guest.Accesses} of {guest.AllAccesses} accesses "
                        + $"here");
            case "switch":
                source.Switch();
                return "the guest is handed over as soon as there is a destination";
            case "recover":
                source.Recover();
                return "connecting";
            case "resume-here":
                return await source.ResumeHereAsync()
                    ? "the guest goes on here"
                    : ControlSocket.Refused + "the guest is not in doubt here, or there is still a link; see uffd migrate status.";
            case "abandon" or "abandon --with-loss":
                if (await source.AbandonAsync(line != "abandon")) return "the migration is given up";
                return ControlSocket.Refused + (source.Phase == SourcePhase.InDoubt
                    ? "the guest was handed over and it is not known whether it runs there: connect again, or if the other process is gone "
                        + "for sure use uffd migrate resume-here; --with-loss ends this side without its guest."
                    : "the guest runs at the destination and needs pages of here; --with-loss leaves it without them.");
            default:
                return ControlSocket.Refused + $"a sending end does not know \"{line}\".";
        }
    }
}
