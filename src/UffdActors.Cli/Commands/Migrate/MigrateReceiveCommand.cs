using System.CommandLine;
using System.Globalization;
using Akka.Configuration;
using UffdActors.Cli.Guests;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Pictures;
using UffdActors.Cli.Reports;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Commands.Migrate;

/// <summary><c>uffd migrate receive</c>: takes one guest over, runs it to its end, and verifies its memory.</summary>
internal sealed class MigrateReceiveCommand
{
    private const string Anonymous = "anon";
    private const string Bandwidth = "bandwidth ";

    private readonly WireOptions _wire = new();
    private readonly Option<Named<string>?> _guest = TypedOptions.OneOf(
        "--guest", "Take no other guest, and rehearse with one. Default: what the source says.", "simulated", "kvm");
    private readonly Option<string> _backend =
        TypedOptions.Text("--backend", "NAME", "Memory of the guest: anon, or a loaded module (uffd backends).", Anonymous);
    private readonly Option<Named<PostCopyMode>> _mode = FaultOptions.Mode();

    private readonly Option<int> _handlers =
        TypedOptions.Number("--handlers", "N", "Handlers that share the userfaultfd.", 1, 1, PostCopyMigration.MaxHandlers);
    private readonly Option<Named<Func<IPrefetchOrder>>> _prefetch =
        FaultOptions.Prefetch("Which page the background fetches next.", "locality");

    private readonly Option<long?> _bandwidth =
        TypedOptions.Size("--bandwidth", "Bytes a second of the background, at most; never of demand. Default: no limit.", 1);
    private readonly Option<string?> _workingSet =
        TypedOptions.Text("--working-set", "FILE", "Fetch these pages first, recorded in an earlier run.");
    private readonly Option<string?> _recordWorkingSet =
        TypedOptions.Text("--record-working-set", "FILE", "Write which pages the guest asked for, and in what order, for --working-set.");
    private readonly Option<string?> _json = TypedOptions.Json();
    private readonly PictureOptions _pictures = new();
    private readonly RuntimeOptions _runtime = new();
    private readonly Terminal _terminal;

    private MigrateReceiveCommand(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal) => new MigrateReceiveCommand(terminal).Build();

    private Command Build()
    {
        Command command = new("receive", "Listen at URI, take one guest over, run it to its end, and verify its memory.");
        _wire.AddTo(command);
        Option[] options = [_guest, _backend, _mode, _handlers, _prefetch, _bandwidth, _workingSet, _recordWorkingSet, _json];
        foreach (Option option in options) command.Options.Add(option);
        _pictures.AddTo(command, hasTimeline: true);
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
        Config? config = arguments.GetValue(_guest) is { Name: "kvm" }
            ? _runtime.Live(arguments, "a KVM guest")
            : _runtime.Configuration(arguments);
        MigrationPlacement? placement = _wire.Placement(arguments, ref config);
        if (UffdSettings.Load(config).IsStepped)
            throw CommandException.BadInput("A migration between processes needs real time; use another --dispatcher.");
        WorkingSet? set = arguments.GetValue(_workingSet) is { } path ? WorkingSet.Read(path) : null;
        string? recorded = arguments.GetValue(_recordWorkingSet);
        if (recorded is not null) WritableFile.Check(_recordWorkingSet.Name, recorded);
        RunPictures pictures = RunPictures.Of(_terminal, _pictures, arguments);
        string? backend = arguments.GetValue(_backend) is var name && name == Anonymous ? null : name;
        PostCopyMode mode = arguments.GetValue(_mode)!.Value;
        string? kind = arguments.GetValue(_guest)?.Name;
        await _wire.RehearseAsync(arguments, config, backend, mode, cancel);
        if (kind == "kvm") await _wire.RehearseKvmAsync(arguments, config, copiesFirst: false, cancel);
        await using ReceivedGuest guest = new(RuntimeOptions.IsLive(config), kind is null ? null : kind == "kvm");
        void Observe(int thread, FaultTrace fault)
        {
            if (guest.Program?.Program?.VcpuOf(thread) is { } vcpu) pictures.Recorder!.Take(fault.WithVcpu(vcpu));
        }

        HeldLines told = new(_terminal, pictures.HasUi);
        MigrationDestinationReport report = await UffdRuntime.UseAsync(config, async runtime =>
        {
            await using MigrationDestination destination = new(runtime, guest, new MigrationDestinationOptions
            {
                Address = address,
                Tls = tls,
                Backend = backend,
                Mode = mode,
                Profile = _runtime.Profile(arguments),
                Handlers = arguments.GetValue(_handlers),
                Prefetch = () => Prefetch(arguments, set),
                PeerTimeout = _wire.PeerTimeout(arguments),
                Placement = placement,
                RecordWorkingSet = recorded is not null,
                Tell = what => told.Tell($"receive: {what}"),
                IncidentObserver = incident =>
                {
                    pictures.Recorder?.Take(incident);
                    told.TellError(incident.Message);
                },
                FaultObserver = pictures.FaultObserver,
                ThreadFaultObserver = pictures.HasTimeline ? Observe : null,
            });
            using ControlSocket? control = ControlSocket.Open(_wire.Control(arguments), line => FollowAsync(destination, guest, line));
            try
            {
                return await pictures.WhileAsync(
                    "uffd migrate receive", () => MigratePage.Watched(destination, guest), told.WhileAsync,
                    () => destination.RunAsync(cancel));
            }
            finally
            {
                // Its vCPUs are in the memory of the machine that goes with the destination.
                await guest.DisposeAsync();
            }
        });
        TimeSpan time = report.PageTime > report.GuestTime ? report.PageTime : report.GuestTime;
        pictures.Recorder?.End(time > TimeSpan.Zero ? (long)time.TotalNanoseconds : null);
        // Without a guest there is nothing to record.
        if (recorded is not null) report.WorkingSet?.Save(recorded);
        MigrateText.Write(json.TakesOutput ? _terminal.Progress : _terminal.Out, report, guest);
        json.Write(JsonText.Of("uffd-migrate-destination", MigrateDestinationDocument.Of(report, guest)));
        pictures.Write(run => MigratePage.Of(run, report, guest), MigratePage.Title, isRemote: true);
        return report.IsVerified && guest.Error is null ? ExitCode.Done : ExitCode.Failed;
    }

    private PrefetchOptions Prefetch(ParseResult arguments, WorkingSet? set)
    {
        IPrefetchOrder order = arguments.GetValue(_prefetch)!.Value();
        return new PrefetchOptions
        {
            Order = set is null ? order : new RecordedOrder(set, order),
            BytesPerSecond = arguments.GetValue(_bandwidth) ?? 0,
        };
    }

    private static async Task<string> FollowAsync(MigrationDestination destination, ReceivedGuest guest, string line)
    {
        switch (line)
        {
            case "status":
                return string.Create(
                    CultureInfo.InvariantCulture,
                    $"{destination.Phase}, {(destination.IsLinked ? "linked" : "no link")}, {destination.ReceivedPages} of "
                        + $"{destination.Pages} pages here, {destination.Outstanding} pages waited for, "
                        + $"{guest.Progress}");
            case "abandon" or "abandon --with-loss":
                return await destination.AbandonAsync(line != "abandon")
                    ? "the migration is given up"
                    : ControlSocket.Refused + "the guest runs here and needs pages of the source; --with-loss ends it.";
            case var _ when line.StartsWith(Bandwidth, StringComparison.Ordinal)
                && long.TryParse(line.AsSpan(Bandwidth.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long rate):
                destination.BytesPerSecond = rate;
                return rate == 0
                    ? "the background goes as fast as it can"
                    : string.Create(CultureInfo.InvariantCulture, $"the background takes {rate:N0} bytes a second at most");
            default:
                return ControlSocket.Refused + $"a receiving end does not know \"{line}\".";
        }
    }
}
