using System.CommandLine;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Kvm;
using UffdActors.Kvm.Snapshots;

namespace UffdActors.Cli.Commands.Vmm;

/// <summary><c>uffd vmm clone</c>: starts many guests from one snapshot on one shared page cache, and verifies the end of each.</summary>
internal sealed class VmmCloneCommand
{
    private readonly Argument<string> _file = new("FILE") { Description = "Memory file that uffd vmm snapshot wrote." };
    private readonly Argument<int> _clones = new("N") { Description = $"How many guests, 1 to {CloneRun.MostClones}." };
    private readonly KvmServingOptions _serving = new("the guests", TimeSpan.FromMinutes(5));
    private readonly Option<string?> _json = TypedOptions.Json();
    private readonly Terminal _terminal;

    private VmmCloneCommand(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal) => new VmmCloneCommand(terminal).Build();

    private Command Build()
    {
        Command command = new("clone", "Start many KVM guests from one snapshot, on one shared page cache, and verify the end of each.")
        {
            _file, _clones,
        };
        _serving.AddTo(command, hasPrefetch: false);
        command.Options.Add(_json);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult arguments, CancellationToken cancel)
    {
        using JsonTarget json = JsonTarget.Open(_terminal, arguments.GetValue(_json));
        string file = arguments.GetRequiredValue(_file);
        int clones = arguments.GetRequiredValue(_clones);
        if (clones is < 1 or > CloneRun.MostClones)
            throw CommandException.BadInput(
                FormattableString.Invariant($"{clones} clones: must be a number from 1 to {CloneRun.MostClones}."));
        using Snapshot snapshot = Snapshot.Open(file);
        await using KvmHost kvm = KvmHost.Start();
        VmmProgress progress = new(_terminal);
        RestoreOptions options = new()
        {
            Handlers = _serving.Handlers(arguments),
            Deadline = _serving.Deadline(arguments),
            IncidentObserver = progress.Take,
        };
        CloneReport report = await progress.WhileAsync(() => UffdRuntime.UseAsync(
            _serving.Configuration(arguments),
            runtime => CloneRun.RunAsync(runtime, kvm, snapshot, clones, options, cancel)));
        new VmmSnapshotText(json.Report.Out).WriteCloned(snapshot, report);
        json.Write(JsonText.Of("uffd-vmm-clone", VmmCloneDocument.Of(snapshot, report, progress.Incidents)));
        return report.Clones.All(c => c.Differences.Count == 0) ? ExitCode.Done : ExitCode.Failed;
    }
}
