using System.CommandLine;
using System.Globalization;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Kvm;
using UffdActors.Kvm.Programs;
using UffdActors.Kvm.Snapshots;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Commands.Vmm;

/// <summary>
/// <c>uffd vmm snapshot</c>: takes a snapshot of a KVM guest on its way, stopped or running, in full or over a parent, and verifies that
/// the guest ends as it does without one.
/// </summary>
internal sealed class VmmSnapshotCommand
{
    private const long DefaultMemory = 16L << 20;
    private const int MostRounds = 1000;
    private const string Halfway = "50%";
    private static readonly TimeSpan DefaultDeadline = TimeSpan.FromMinutes(2);

    private readonly Argument<string> _file =
        new("FILE") { Description = "Memory file to be written; the state goes into FILE.json beside it." };

    private readonly Option<string?> _parent =
        TypedOptions.Text("--parent", "FILE", "Restore the guest from this snapshot, and write a layer over it: what has changed since.");
    private readonly Option<bool> _live = TypedOptions.Flag("--live", "The guest runs on while its memory is copied.");
    private readonly Option<string> _after = TypedOptions.Text(
        "--after", "SHARE|TIME", "When it is taken: after a share of the guest's visits, as in 25%, or a time, as in 200ms.", Halfway);
    private readonly Option<int?> _afterRounds = TypedOptions.Number<int>(
        "--after-rounds", "N", "When it is taken instead: exactly when each vCPU has finished so many rounds.", 0, MostRounds);
    private readonly Option<string?> _image = TypedOptions.Text("--image", "FILE", "Any file as what the guest works on.");
    private readonly Option<long?> _memory = TypedOptions.Size(
        "--memory", "Make what the guest works on instead: zero, repetitive and random pages. Default 16M.", 1);
    private readonly Option<ulong> _seed = TypedOptions.Number("--seed", "N", "Seed of made memory.", 1UL, 0UL, ulong.MaxValue);
    private readonly Option<int> _vcpus = TypedOptions.Number("--vcpus", "N", "vCPUs.", 2, 1, KvmMachineOptions.MaxVcpus);
    private readonly Option<Named<ProgramKind>> _program =
        TypedOptions.Choice("--program", "What the guest does with its pages.", ProgramKind.Scatter);
    private readonly Option<int> _rounds = TypedOptions.Number("--rounds", "N", "How often it visits each page.", 2, 1, MostRounds);
    private readonly Option<bool> _largePages = TypedOptions.Flag("--large-pages", "The guest's own page tables map 2 MiB at a time.");
    private readonly Option<Named<string>?> _backend =
        TypedOptions.OneOf("--backend", "Memory of the guest. Default anon, or the parent's.", "anon", "shmem");
    private readonly Option<int> _handlers =
        TypedOptions.Number("--handlers", "N", "Handlers that share the userfaultfd.", 1, 1, PostCopyMigration.MaxHandlers);
    private readonly Option<TimeSpan> _deadline =
        TypedOptions.Duration("--deadline", "How long the guest may run before it is stopped and the run has failed.", DefaultDeadline);
    private readonly Option<string?> _config =
        TypedOptions.Text(RuntimeOptions.ConfigName, "FILE", "HOCON over the reference configuration (hocon/reference.conf).");
    private readonly Option<string?> _json = TypedOptions.Json();
    private readonly Terminal _terminal;

    private VmmSnapshotCommand(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal) => new VmmSnapshotCommand(terminal).Build();

    private Command Build()
    {
        Option[] ofGuest = [_image, _memory, _seed, _vcpus, _program, _rounds, _largePages];
        Command command = new("snapshot", "Take a snapshot of a KVM guest on its way, and verify that the guest ends as without one.")
        {
            _file,
        };
        Option[] all = [_parent, _live, _after, _afterRounds, .. ofGuest, _backend, _handlers, _deadline, _config, _json];
        foreach (Option option in all) command.Options.Add(option);

        command.Exclude(_image, _memory, "memory is either read or made");
        command.Exclude(_after, _afterRounds, "it is taken once");
        foreach (Option option in ofGuest) command.Exclude(_parent, option, "the guest is the parent's");
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult arguments, CancellationToken cancel)
    {
        using JsonTarget json = JsonTarget.Open(_terminal, arguments.GetValue(_json));
        (double share, TimeSpan? time) = After(arguments.GetValue(_after)!);
        using Snapshot? parent = arguments.GetValue(_parent) is { } path ? Snapshot.Open(path) : null;
        string backend = arguments.GetValue(_backend)?.Value ?? parent?.Document.Backend ?? "anon";
        using GuestImage? image = parent is not null ? null
            : arguments.GetValue(_image) is { } from ? GuestImage.FromFile(from)
            : GuestImage.Make(arguments.GetValue(_memory) ?? DefaultMemory, arguments.GetValue(_seed), cancellationToken: cancel);
        GuestPlan plan = parent?.Document.Plan() ?? Plan(arguments, image!);
        if (plan.Problem() is { } problem) throw CommandException.BadInput(problem);
        await using KvmHost kvm = KvmHost.Start();
        VmmProgress progress = new(_terminal);
        SnapshotRunOptions options = new()
        {
            Path = arguments.GetRequiredValue(_file),
            Plan = plan,
            Image = image,
            Parent = parent,
            Backend = backend == "anon" ? null : backend,
            IsLive = arguments.GetValue(_live),
            AfterShare = share,
            AfterTime = time,
            AfterRounds = arguments.GetValue(_afterRounds),
            Handlers = arguments.GetValue(_handlers),
            Deadline = arguments.GetValue(_deadline),
            IncidentObserver = progress.Take,
        };
        SnapshotReport report = await progress.WhileAsync(() => UffdRuntime.UseAsync(
            LiveConfig.Of(arguments.GetValue(_config)), runtime => new SnapshotRun(runtime, kvm, options).RunAsync(cancel)));
        image?.CheckUnchanged();
        new VmmSnapshotText(json.Report.Out).WriteTaken(options, report);
        json.Write(JsonText.Of("uffd-vmm-snapshot", VmmSnapshotDocument.Of(options, report, progress.Incidents)));
        return report.Differences.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private GuestPlan Plan(ParseResult arguments, GuestImage image)
    {
        bool isLarge = arguments.GetValue(_largePages);
        return new GuestPlan
        {
            Kind = arguments.GetValue(_program)!.Value,
            MemoryBytes = GuestPlan.MemoryFor(image.Bytes, isLarge),
            Vcpus = arguments.GetValue(_vcpus),
            Rounds = arguments.GetValue(_rounds),
            LargePages = isLarge,
        };
    }

    private static (double Share, TimeSpan? Time) After(string text)
    {
        if (text.EndsWith('%') && double.TryParse(
            text.AsSpan(0, text.Length - 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double percent)
            && percent <= 100)
            return (percent / 100, null);
        return DurationText.TryParse(text, out TimeSpan time)
            ? (1, time)
            : throw CommandException.BadInput($"--after {text}: write a share of the guest's visits, as in 25%, or a time, as in 200ms.");
    }
}
