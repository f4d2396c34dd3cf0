using System.CommandLine;
using Akka.Configuration;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Configuration;
using UffdActors.Kvm;
using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Runs;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Commands.Vmm;

/// <summary>
/// <c>uffd vmm run</c>: boots a KVM guest with all of its memory absent, serves it, and compares what it computes with the same guest that
/// had all of it.
/// </summary>
internal sealed class VmmRunCommand
{
    private const long DefaultMemory = 16L << 20;
    private const string Anonymous = "anon";
    private const int MostRounds = 1000;
    private static readonly TimeSpan DefaultDeadline = TimeSpan.FromMinutes(2);

    private readonly Option<string?> _image = TypedOptions.Text("--image", "FILE", "Any file as what the guest works on.");
    private readonly Option<long?> _memory = TypedOptions.Size(
        "--memory", "Make what the guest works on instead: zero, repetitive and random pages. Default 16M.", 1);
    private readonly Option<ulong> _seed = TypedOptions.Number("--seed", "N", "Seed of made memory.", 1UL, 0UL, ulong.MaxValue);
    private readonly Option<int> _vcpus = TypedOptions.Number("--vcpus", "N", "vCPUs.", 2, 1, KvmMachineOptions.MaxVcpus);
    private readonly Option<Named<ProgramKind>> _program =
        TypedOptions.Choice("--program", "What the guest does with its pages.", ProgramKind.Scatter);
    private readonly Option<int> _rounds = TypedOptions.Number("--rounds", "N", "How often it visits each page.", 2, 1, MostRounds);
    private readonly Option<bool> _largePages = TypedOptions.Flag("--large-pages", "The guest's own page tables map 2 MiB at a time.");
    private readonly Option<string> _backend = TypedOptions.Text(
        "--backend", "NAME", "Memory of the guest: anon, shmem or hugetlb (uffd backends).", Anonymous);
    private readonly Option<Named<PostCopyMode>> _mode = TypedOptions.Choice<PostCopyMode>(
        "--mode", "How faults are resolved.", "missing", [new("missing", PostCopyMode.Missing), new("minor", PostCopyMode.Minor)]);
    private readonly Option<int> _handlers =
        TypedOptions.Number("--handlers", "N", "Handlers that share the userfaultfd.", 1, 1, PostCopyMigration.MaxHandlers);
    private readonly Option<Named<Func<IPrefetchOrder?>>> _prefetch = TypedOptions.Choice<Func<IPrefetchOrder?>>(
        "--prefetch",
        "Which pages are fetched beside demand.",
        "none",
        [
            new("none", () => null), new("linear", () => IPrefetchOrder.Linear()), new("locality", () => IPrefetchOrder.Locality()),
            new("bubble", () => IPrefetchOrder.Bubble()),
        ]);

    private readonly Option<string?> _workingSet =
        TypedOptions.Text("--working-set", "FILE", "Fetch these pages first, recorded in an earlier run.");
    private readonly Option<string?> _recordWorkingSet =
        TypedOptions.Text("--record-working-set", "FILE", "Write which pages the guest asked for, in order.");
    private readonly Option<TimeSpan> _deadline =
        TypedOptions.Duration("--deadline", "How long the guest may run before it is stopped and the run has failed.", DefaultDeadline);
    private readonly Option<string?> _config =
        TypedOptions.Text(RuntimeOptions.ConfigName, "FILE", "HOCON over the reference configuration (hocon/reference.conf).");
    private readonly Option<string?> _json = TypedOptions.Json();
    private readonly WatchdogOption _watchdog = new();
    private readonly Terminal _terminal;

    private VmmRunCommand(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal) => new VmmRunCommand(terminal).Build();

    private Command Build()
    {
        Command command = new("run", "Boot a KVM guest with all of its memory absent, serve it, and verify what it computes.");
        foreach (Option option in new Option[]
        {
            _image, _memory, _seed, _vcpus, _program, _rounds, _largePages, _backend, _mode, _handlers, _prefetch, _workingSet,
            _recordWorkingSet, _deadline, _config, _json,
        })
        {
            command.Options.Add(option);
        }

        _watchdog.AddTo(command);
        command.Exclude(_image, _memory, "memory is either read or made");
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult arguments, CancellationToken cancel)
    {
        using JsonTarget json = JsonTarget.Open(_terminal, arguments.GetValue(_json));
        if (arguments.GetValue(_recordWorkingSet) is { } target) WritableFile.Check(_recordWorkingSet.Name, target);
        Config live = ConfigurationFactory.ParseString("uffd.world = live");
        Config file = arguments.GetValue(_config) is { } path ? ConfigFile.Read(path) : Config.Empty;
        Config config = _watchdog.Over(file.IsEmpty ? live : live.WithFallback(file), arguments)!;
        // Without KVM nothing is made.
        await using KvmHost kvm = KvmHost.Start();
        VmmProgress progress = new(_terminal);
        (GuestRunOptions options, GuestResult present, GuestResult served) =
            await progress.WhileAsync(() => UffdRuntime.UseAsync(config, runtime => BothAsync(runtime, kvm, arguments, progress, cancel)));

        IReadOnlyList<string> differences = GuestVerdict.Differences(present, served);
        new VmmRunText(json.Report.Out, options, present, served, differences).Write();
        if (arguments.GetValue(_recordWorkingSet) is { } recorded) served.WorkingSet!.Save(recorded);
        json.Write(JsonText.Of("uffd-vmm-run", VmmRunDocument.Of(options, present, served, differences, progress.Incidents)));
        return differences.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private async Task<(GuestRunOptions Options, GuestResult Present, GuestResult Served)> BothAsync(
        UffdRuntime runtime, KvmHost kvm, ParseResult arguments, VmmProgress progress, CancellationToken cancel)
    {
        string? backend = arguments.GetValue(_backend) is var name && name == Anonymous ? null : name;
        PostCopyMode mode = arguments.GetValue(_mode)!.Value;
        bool isLarge = arguments.GetValue(_largePages);
        using GuestImage image = Image(arguments, PostCopyMigration.PageBytesOf(runtime, backend), cancel);
        GuestPlan plan = new()
        {
            Kind = arguments.GetValue(_program)!.Value,
            MemoryBytes = GuestPlan.MemoryFor(image.Bytes, isLarge),
            Vcpus = arguments.GetValue(_vcpus),
            Rounds = arguments.GetValue(_rounds),
            LargePages = isLarge,
        };
        if (plan.Problem() is { } problem) throw CommandException.BadInput(problem);
        if (plan.Kind == ProgramKind.Balloon && PostCopyMigration.PageBytesOf(runtime, backend) > GuestPlan.PageBytes)
            throw CommandException.BadInput(
                $"--program balloon gives single pages back, which {backend} does not take; use anon or shmem.");
        await PostCopyMigration.CheckAsync(runtime, backend, mode, null, plan.MemoryBytes, cancel);
        GuestRunOptions options = new()
        {
            Plan = plan,
            Image = image,
            Backend = backend,
            Mode = mode,
            Handlers = arguments.GetValue(_handlers),
            Prefetch = Prefetch(arguments),
            RecordWorkingSet = arguments.GetValue(_recordWorkingSet) is not null,
            Deadline = arguments.GetValue(_deadline),
            IncidentObserver = progress.Take,
        };
        GuestRunner runner = new(runtime, kvm, options);
        progress.Runner = runner;
        GuestResult present = await runner.RunPresentAsync(cancel);
        GuestResult served = await runner.RunServedAsync(cancel);
        image.CheckUnchanged();
        return (options, present, served);
    }

    private PrefetchOptions? Prefetch(ParseResult arguments)
    {
        IPrefetchOrder? order = arguments.GetValue(_prefetch)!.Value();
        if (arguments.GetValue(_workingSet) is { } path) order = IPrefetchOrder.Recorded(WorkingSet.Read(path), order);
        return order is null ? null : new PrefetchOptions { Order = order };
    }

    private GuestImage Image(ParseResult arguments, int pageBytes, CancellationToken cancel) => arguments.GetValue(_image) is { } path
        ? GuestImage.FromFile(path, pageBytes)
        : GuestImage.Make(arguments.GetValue(_memory) ?? DefaultMemory, arguments.GetValue(_seed), pageBytes, cancel);
}
