using System.CommandLine;
using Akka.Configuration;
using Spectre.Console;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Pictures;
using UffdActors.Cli.Reports;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd postcopy</c>: migrates a guest's memory by post-copy, verifies it, and says what it cost.</summary>
internal sealed class PostCopyCommand
{
    private const long DefaultMemory = 256L << 20;
    private const string Anonymous = "anon";
    private const string Slowest = "slowest";

    private readonly Option<string?> _image = TypedOptions.Text("--image", "FILE", "Any file as guest memory, rounded up to pages.");
    private readonly Option<long?> _memory =
        TypedOptions.Size("--memory", "Make guest memory instead: zero, repetitive and random pages. Default 256M.", 1);
    private readonly Option<int> _vcpus = TypedOptions.Number("--vcpus", "N", "vCPUs.", 4, 1, GuestLayout.MaxVcpus);
    private readonly Option<Named<WorkloadKind>> _workload = TypedOptions.Choice<WorkloadKind>(
        "--workload",
        "What the vCPUs do.",
        "random",
        [
            new("sequential", WorkloadKind.Sequential), new("random", WorkloadKind.Random), new("zipf", WorkloadKind.Zipf),
            new("stride", WorkloadKind.Stride), new("hot-cold", WorkloadKind.HotCold),
        ]);

    private readonly Option<string?> _trace = TypedOptions.Text("--trace", "FILE", "A recorded workload instead of a made one.");
    private readonly Option<long> _accesses =
        TypedOptions.Number("--accesses", "N", "Accesses of all vCPUs together.", 1_000_000L, 0L, 1_000_000_000_000L);
    private readonly Option<double> _writeRatio = TypedOptions.Number("--write-ratio", "SHARE", "Share of writes, 0 to 1.", 0.3, 0.0, 1.0);
    private readonly Option<ulong> _seed =
        TypedOptions.Number("--seed", "N", "Seed of made memory, workload and stepped order.", 1UL, 0UL, ulong.MaxValue);
    private readonly Option<string> _backend = TypedOptions.Text(
        "--backend", "NAME", "Memory of the destination: anon, or a loaded module (uffd backends).", Anonymous);

    private readonly Option<Named<PostCopyMode>> _mode = FaultOptions.Mode();

    private readonly Option<int> _handlers =
        TypedOptions.Number("--handlers", "N", "Handlers that share the userfaultfd.", 1, 1, PostCopyMigration.MaxHandlers);
    private readonly Option<Named<Func<IPrefetchOrder>>> _prefetch =
        FaultOptions.Prefetch("Which page the background push fetches next.", "linear");

    private readonly Option<long?> _bandwidth =
        TypedOptions.Size("--bandwidth", "Bytes a second of the background push, at most; never of demand. Default: no limit.", 1);
    private readonly Option<string?> _workingSet =
        TypedOptions.Text("--working-set", "FILE", "Fetch these pages first, recorded in an earlier run.");
    private readonly Option<string?> _recordWorkingSet =
        TypedOptions.Text("--record-working-set", "FILE", "Write which pages the guest asked for, in order.");
    private readonly Option<Named<string>?> _showFault = TypedOptions.OneOf("--show-fault", "Print one fault hop by hop.", Slowest);

    private readonly Option<string?> _json = TypedOptions.Json();
    private readonly PictureOptions _pictures = new();
    private readonly RuntimeOptions _runtime = new();
    private readonly WatchdogOption _watchdog = new();
    private readonly Terminal _terminal;

    private PostCopyCommand(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal) => new PostCopyCommand(terminal).Build();

    private Command Build()
    {
        Command command = new("postcopy", "Migrate a guest's memory by post-copy, in the model or on this kernel, and verify it.");
        foreach (Option option in new Option[]
        {
            _image, _memory, _vcpus, _workload, _trace, _accesses, _writeRatio, _seed, _backend, _mode, _handlers, _prefetch, _bandwidth,
            _workingSet, _recordWorkingSet, _showFault, _json,
        })
        {
            command.Options.Add(option);
        }

        _pictures.AddTo(command, hasTimeline: true);
        _runtime.AddTo(command);
        _watchdog.AddTo(command);
        command.Exclude(_image, _memory, "memory is either read or made");
        foreach (Option made in new Option[] { _workload, _accesses, _writeRatio })
            command.Exclude(_trace, made, "a recorded workload has its own accesses");
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult arguments, CancellationToken cancel)
    {
        using JsonTarget json = JsonTarget.Open(_terminal, arguments.GetValue(_json));
        Config? config = _watchdog.Over(_runtime.Configuration(arguments), arguments);
        string? backend = arguments.GetValue(_backend) is var name && name == Anonymous ? null : name;
        PostCopyMode mode = arguments.GetValue(_mode)!.Value;
        if (arguments.GetValue(_recordWorkingSet) is { } target) WritableFile.Check(_recordWorkingSet.Name, target);
        RunPictures pictures = RunPictures.Of(_terminal, _pictures, arguments);
        PostCopyProgress progress = new(_terminal) { Recorder = pictures.Recorder, IsDrawnElsewhere = pictures.HasUi };
        // Akka stops the actors of a VM in another order in every process, so on the stepped dispatcher the VM that only checks has a
        // runtime of its own: the order of the migration is the seed's alone.
        bool checksApart = UffdSettings.Load(config).IsStepped;
        if (checksApart) _ = await UffdRuntime.UseAsync(config, CheckAsync, arguments.GetValue(_seed));
        (PostCopyOptions options, string dispatcher, PostCopyReport report) = await pictures.WhileAsync(
            "uffd postcopy", () => PostCopyPage.Watched(progress.Migration),
            progress.WhileAsync, () => UffdRuntime.UseAsync(config, MigrateAsync, arguments.GetValue(_seed)));
        pictures.Recorder?.End((long)report.Duration.TotalNanoseconds);

        // With --json - standard output is the document's; people read the report on standard error.
        IAnsiConsole console = json.Report.Out;
        new PostCopyText(console, options, dispatcher, report).Write();
        if (arguments.GetValue(_showFault) is not null && report.Latency.Slowest is { } slowest)
            FaultText.Write(console, "slowest", slowest);
        if (arguments.GetValue(_recordWorkingSet) is { } recorded) report.WorkingSet!.Save(recorded);
        json.Write(JsonText.Of("uffd-postcopy", PostCopyDocument.Of(options, dispatcher, report, progress.Incidents)));
        pictures.Write(
            run => PostCopyPage.Of(run, options, dispatcher, report), PostCopyPage.TitleOf(options), isRemote: false);
        return report.Verified ? ExitCode.Done : ExitCode.Failed;

        async Task<bool> CheckAsync(UffdRuntime runtime)
        {
            await PostCopyMigration.CheckAsync(runtime, backend, mode, _runtime.Profile(arguments), GuestBytes(arguments), cancel);
            return true;
        }

        async Task<(PostCopyOptions Options, string Dispatcher, PostCopyReport Report)> MigrateAsync(UffdRuntime runtime)
        {
            if (!checksApart) _ = await CheckAsync(runtime);
            using GuestImage image = Image(arguments, PostCopyMigration.PageBytesOf(runtime, backend), cancel);
            PostCopyOptions options = new()
            {
                Image = image,
                Vcpus = arguments.GetValue(_vcpus),
                Handlers = arguments.GetValue(_handlers),
                Backend = backend,
                Mode = mode,
                Profile = _runtime.Profile(arguments),
                Workload = arguments.GetValue(_workload)!.Value,
                Accesses = arguments.GetValue(_accesses),
                WriteRatio = arguments.GetValue(_writeRatio),
                Seed = arguments.GetValue(_seed),
                Trace = arguments.GetValue(_trace),
                Prefetch = Prefetch(arguments),
                RecordWorkingSet = arguments.GetValue(_recordWorkingSet) is not null,
                FaultObserver = pictures.FaultObserver,
            };
            PostCopyMigration migration = new(runtime, options);
            progress.Migration = migration;
            return (options, runtime.Settings.Dispatcher, await migration.RunAsync(cancel));
        }
    }

    // A file that cannot be written is known before the work begins.
    private PrefetchOptions Prefetch(ParseResult arguments)
    {
        IPrefetchOrder order = arguments.GetValue(_prefetch)!.Value();
        if (arguments.GetValue(_workingSet) is { } path) order = new RecordedOrder(WorkingSet.Read(path), order);
        return new PrefetchOptions { Order = order, BytesPerSecond = arguments.GetValue(_bandwidth) ?? 0 };
    }

    // What is wrong with a file is found when it is read.
    private long GuestBytes(ParseResult arguments) => arguments.GetValue(_image) is { } path
        ? new FileInfo(path) is { Exists: true, Length: > 0 and var length } ? length : 1
        : arguments.GetValue(_memory) ?? DefaultMemory;

    private GuestImage Image(ParseResult arguments, int pageBytes, CancellationToken cancel) => arguments.GetValue(_image) is { } path
        ? GuestImage.FromFile(path, pageBytes)
        : GuestImage.Make(arguments.GetValue(_memory) ?? DefaultMemory, arguments.GetValue(_seed), pageBytes, cancel);
}
