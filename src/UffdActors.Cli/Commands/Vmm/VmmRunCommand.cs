using System.CommandLine;
using Akka.Configuration;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Pictures;
using UffdActors.Cli.Reports;
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
    private const string Anonymous = "anon";

    private readonly KvmGuestOptions _guest = new();
    private readonly Option<string> _backend = TypedOptions.Text(
        "--backend", "NAME", "Memory of the guest: anon, shmem or hugetlb (uffd backends).", Anonymous);
    private readonly Option<Named<PostCopyMode>> _mode = FaultOptions.Mode();
    private readonly KvmServingOptions _serving = new("the guest", TimeSpan.FromMinutes(2));
    private readonly Option<string?> _workingSet =
        TypedOptions.Text("--working-set", "FILE", "Fetch these pages first, recorded in an earlier run.");
    private readonly Option<string?> _recordWorkingSet =
        TypedOptions.Text("--record-working-set", "FILE", "Write which pages the guest asked for, in order.");
    private readonly Option<string?> _json = TypedOptions.Json();
    private readonly WatchdogOption _watchdog = new();
    private readonly PictureOptions _pictures = new();
    private readonly Terminal _terminal;

    private VmmRunCommand(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal) => new VmmRunCommand(terminal).Build();

    private Command Build()
    {
        Command command = new("run", "Boot a KVM guest with all of its memory absent, serve it, and verify what it computes.");
        _ = _guest.AddTo(command);
        command.Options.Add(_backend);
        command.Options.Add(_mode);
        _serving.AddTo(command, hasPrefetch: true);
        command.Options.Add(_workingSet);
        command.Options.Add(_recordWorkingSet);
        command.Options.Add(_json);
        _pictures.AddTo(command, hasTimeline: true);
        _watchdog.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult arguments, CancellationToken cancel)
    {
        using JsonTarget json = JsonTarget.Open(_terminal, arguments.GetValue(_json));
        if (arguments.GetValue(_recordWorkingSet) is { } target) WritableFile.Check(_recordWorkingSet.Name, target);
        Config config = _watchdog.Over(_serving.Configuration(arguments), arguments)!;
        // Without KVM nothing is made.
        await using KvmHost kvm = KvmHost.Start();
        RunPictures pictures = RunPictures.Of(_terminal, _pictures, arguments);
        VmmProgress progress = new(_terminal) { Recorder = pictures.Recorder, IsDrawnElsewhere = pictures.HasUi };
        (GuestRunOptions options, GuestResult present, GuestResult served) = await pictures.WhileAsync(
            "uffd vmm run", () => VmmRunPage.Watched(progress.Runner), progress.WhileAsync,
            () => UffdRuntime.UseAsync(config, runtime => BothAsync(runtime, kvm, arguments, progress, pictures, cancel)));
        pictures.Recorder?.End((long)served.Duration.TotalNanoseconds);

        IReadOnlyList<string> differences = GuestVerdict.Differences(present, served);
        new VmmRunText(json.Report.Out, options, present, served, differences).Write();
        if (arguments.GetValue(_recordWorkingSet) is { } recorded) served.WorkingSet!.Save(recorded);
        json.Write(JsonText.Of("uffd-vmm-run", VmmRunDocument.Of(options, present, served, differences, progress.Incidents)));
        pictures.Write(
            run => VmmRunPage.Of(run, options, present, served, differences), VmmRunPage.TitleOf(options), isRemote: false);
        return differences.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private async Task<(GuestRunOptions Options, GuestResult Present, GuestResult Served)> BothAsync(
        UffdRuntime runtime, KvmHost kvm, ParseResult arguments, VmmProgress progress, RunPictures pictures, CancellationToken cancel)
    {
        string? backend = arguments.GetValue(_backend) is var name && name == Anonymous ? null : name;
        PostCopyMode mode = arguments.GetValue(_mode)!.Value;
        using GuestImage image = _guest.Image(arguments, PostCopyMigration.PageBytesOf(runtime, backend), cancel);
        GuestPlan plan = _guest.Plan(arguments, image);
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
            Handlers = _serving.Handlers(arguments),
            Prefetch = _serving.Prefetch(arguments, arguments.GetValue(_workingSet) is { } path ? WorkingSet.Read(path) : null),
            RecordWorkingSet = arguments.GetValue(_recordWorkingSet) is not null,
            Deadline = _serving.Deadline(arguments),
            IncidentObserver = progress.Take,
            FaultObserver = pictures.HasTimeline ? pictures.FaultObserver : null,
        };
        GuestRunner runner = new(runtime, kvm, options);
        progress.Runner = runner;
        GuestResult present = await runner.RunPresentAsync(cancel);
        GuestResult served = await runner.RunServedAsync(cancel);
        image.CheckUnchanged();
        return (options, present, served);
    }
}
