using System.CommandLine;
using System.Globalization;
using Akka.Configuration;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Kvm;
using UffdActors.Kvm.Moves;
using UffdActors.Kvm.Programs;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Commands.Migrate;

/// <summary><c>uffd migrate send</c>: a guest runs here first, and is handed over.</summary>
internal sealed class MigrateSendCommand
{
    private const string Anonymous = "anon";

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
        "Accesses that a simulated guest does here before it is handed over. Default: half of them, or what it does while it is copied.",
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
        command.Validators.Add(result =>
        {
            if (result.Has(_switchAfter) && _guest.IsKvm(result))
                result.AddError($"{_switchAfter.Name} counts accesses, which KVM does not: use --run-first with a KVM guest.");
        });
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
        bool isKvm = _guest.IsKvm(arguments);
        Config? config = isKvm ? _runtime.Live(arguments, "a KVM guest") : _runtime.Configuration(arguments);
        MigrationPlacement? placement = _wire.Placement(arguments, ref config);
        if (UffdSettings.Load(config).IsStepped)
            throw CommandException.BadInput("A migration between processes needs real time; use another --dispatcher.");
        await _wire.RehearseAsync(arguments, config, null, PostCopyMode.Missing, cancel);
        if (isKvm) await _wire.RehearseKvmAsync(arguments, config, arguments.GetValue(_rounds) is not null, cancel);
        LeavingProgram? program = null;
        MigrationSourceReport report = await UffdRuntime.UseAsync(config, SendAsync);
        MigrateText.Write(json.TakesOutput ? _terminal.Progress : _terminal.Out, report, program);
        json.Write(JsonText.Of("uffd-migrate-source", MigrateSourceDocument.Of(report, program)));
        return report.IsDelivered && report.ExpectedHash is not null && report.ExpectedHash == report.ActualHash
            ? ExitCode.Done
            : ExitCode.Failed;

        async Task<MigrationSourceReport> SendAsync(UffdRuntime runtime)
        {
            bool copies = arguments.GetValue(_rounds) is not null;
            bool hasMoment = arguments.GetValue(_switchAfter) is not null || _guest.RunFirst(arguments) is not null;
            bool isTimed = !arguments.GetValue(_manual) && (!copies || hasMoment);
            await using ISendingGuest guest =
                isKvm ? await KvmAsync(runtime, arguments, copies, cancel) : await SimulatedAsync(runtime, arguments, copies, cancel);
            program = (guest as KvmSender)?.Program;
            MigrationSource source = new(guest.Vm, guest.Userfault, guest.Guest, new MigrationSourceOptions
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
                SwitchesByItself = copies && !isTimed && !arguments.GetValue(_manual),
                RetryEvery = arguments.GetValue(_noRetry) ? null : arguments.GetValue(_retry),
                PeerTimeout = _wire.PeerTimeout(arguments),
                Placement = placement,
                Verifies = true,
                Tell = what => _terminal.WriteStatus($"send: {what}"),
            });
            using ControlSocket? control = ControlSocket.Open(_wire.Control(arguments), line => FollowAsync(source, guest, line));
            using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            Task running = RunGuestAsync(source, guest, isTimed, over.Token);
            try
            {
                return await source.RunAsync(cancel);
            }
            finally
            {
                await over.CancelAsync();
                await running;
            }
        }
    }

    private async Task<ISendingGuest> SimulatedAsync(
        UffdRuntime runtime, ParseResult arguments, bool copies, CancellationToken cancel)
    {
        string? backend = Backend(arguments);
        using GuestImage image = _guest.Image(arguments, PostCopyMigration.PageBytesOf(runtime, backend), cancel);
        WorkloadGuestOptions options = _guest.Options(arguments);
        SendingMachine machine =
            await SendingMachine.MakeAsync(runtime, image, backend, copies, _runtime.Profile(arguments), cancel);
        return new SimulatedSender(
            machine, new WorkloadGuest(options), arguments.GetValue(_switchAfter) ?? (options.Accesses / 2));
    }

    private async Task<ISendingGuest> KvmAsync(UffdRuntime runtime, ParseResult arguments, bool copies, CancellationToken cancel)
    {
        string? backend = Backend(arguments);
        int pageBytes = PostCopyMigration.PageBytesOf(runtime, backend);
        using GuestImage image = _guest.Image(arguments, pageBytes, cancel);
        GuestPlan plan = _guest.Plan(arguments, image, backend, pageBytes);
        await PostCopyMigration.CheckAsync(runtime, backend, PostCopyMode.Missing, null, plan.MemoryBytes, cancel);
        KvmHost kvm = KvmHost.Start();
        try
        {
            LeavingProgram program = await LeavingProgram.BootAsync(runtime, kvm, plan, image, backend, copies, cancel);
            image.CheckUnchanged();
            return new KvmSender(kvm, program, _guest.RunFirstOrDefault(arguments));
        }
        catch
        {
            await kvm.DisposeAsync();
            throw;
        }
    }

    private string? Backend(ParseResult arguments) => arguments.GetValue(_backend) is var name && name == Anonymous ? null : name;

    private static async Task RunGuestAsync(MigrationSource source, ISendingGuest guest, bool isTimed, CancellationToken cancel)
    {
        try
        {
            await guest.RunAsync(source, isTimed, cancel);
            if (isTimed) source.Switch();
        }
        catch (OperationCanceledException)
        {
            // The migration has ended before.
        }
    }

    private static async Task<string> FollowAsync(MigrationSource source, ISendingGuest guest, string line)
    {
        switch (line)
        {
            case "status":
                return string.Create(
                    CultureInfo.InvariantCulture,
                    $"{source.Phase}, {(source.IsLinked ? "linked" : "no link")}, {source.Rounds} rounds of pre-copy, "
                        + $"{source.SentPages} pages and {source.SentBytes} bytes sent, {guest.Progress} here");
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
