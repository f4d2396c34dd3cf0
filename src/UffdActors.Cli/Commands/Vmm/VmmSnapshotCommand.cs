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
    private const string Halfway = "50%";
    private const string HugePages = "hugetlb";

    private readonly Argument<string> _file =
        new("FILE") { Description = "Memory file to be written; the state goes into FILE.json beside it." };

    private readonly Option<string?> _parent =
        TypedOptions.Text("--parent", "FILE", "Restore the guest from this snapshot, and write a layer over it: what has changed since.");
    private readonly Option<bool> _live = TypedOptions.Flag("--live", "The guest runs on while its memory is copied.");
    private readonly Option<string> _after = TypedOptions.Text(
        "--after", "SHARE|TIME", "When it is taken: after a share of the guest's visits, as in 25%, or a time, as in 200ms.", Halfway);
    private readonly Option<int?> _afterRounds = TypedOptions.Number<int>(
        "--after-rounds", "N", "When it is taken instead: when each vCPU has finished so many rounds.", 0, KvmGuestOptions.MostRounds);
    private readonly KvmGuestOptions _guest = new();
    private readonly Option<Named<string>?> _backend =
        TypedOptions.OneOf("--backend", "Memory of the guest. Default anon, or the parent's.", "anon", "shmem", HugePages);
    private readonly KvmServingOptions _serving = new("the guest", TimeSpan.FromMinutes(2));
    private readonly Option<string?> _json = TypedOptions.Json();
    private readonly Terminal _terminal;

    private VmmSnapshotCommand(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal) => new VmmSnapshotCommand(terminal).Build();

    private Command Build()
    {
        Command command = new("snapshot", "Take a snapshot of a KVM guest on its way, and verify that the guest ends as without one.")
        {
            _file,
        };
        command.Options.Add(_parent);
        command.Options.Add(_live);
        command.Options.Add(_after);
        command.Options.Add(_afterRounds);
        IReadOnlyList<Option> ofGuest = _guest.AddTo(command);
        command.Options.Add(_backend);
        _serving.AddTo(command, hasPrefetch: false);
        command.Options.Add(_json);
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
            : _guest.Image(arguments, backend == HugePages ? (int)GuestPlan.Huge : GuestPlan.PageBytes, cancel);
        GuestPlan plan = parent?.Document.Plan() ?? _guest.Plan(arguments, image!);
        if (plan.Problem() is { } problem) throw CommandException.BadInput(problem);
        if (plan.Kind == ProgramKind.Balloon && backend == HugePages)
            throw CommandException.BadInput(
                $"--program balloon gives single pages back, which {backend} does not take; use anon or shmem.");
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
            Handlers = _serving.Handlers(arguments),
            Deadline = _serving.Deadline(arguments),
            IncidentObserver = progress.Take,
        };
        SnapshotReport report = await progress.WhileAsync(() => UffdRuntime.UseAsync(
            _serving.Configuration(arguments), async runtime =>
            {
                await PostCopyMigration.CheckAsync(runtime, options.Backend, PostCopyMode.Missing, null, plan.MemoryBytes, cancel);
                if (options.IsLive) await RehearseAsync(runtime, kvm, cancel);
                return await new SnapshotRun(runtime, kvm, options).RunAsync(cancel);
            }));
        image?.CheckUnchanged();
        new VmmSnapshotText(json.Report.Out).WriteTaken(options, report);
        json.Write(JsonText.Of("uffd-vmm-snapshot", VmmSnapshotDocument.Of(options, report, progress.Incidents)));
        return report.Differences.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static async Task RehearseAsync(UffdRuntime runtime, KvmHost kvm, CancellationToken cancel)
    {
        using TemporaryFolder folder = TemporaryFolder.Create("uffd-snapshot-");
        if ((await SnapshotRehearsal.RunAsync(runtime, kvm, folder.Path, cancel)).Differences is [var first, ..])
            throw new KvmSnapshotException($"A snapshot of a small guest, taken before this one, failed: {first}");
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
