using System.CommandLine;
using System.Diagnostics;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Kvm;
using UffdActors.Kvm.Snapshots;

namespace UffdActors.Cli.Commands.Vmm;

/// <summary><c>uffd vmm restore</c>: starts a guest from a snapshot at once, serves it from the files, and verifies its end.</summary>
internal sealed class VmmRestoreCommand
{
    private readonly Argument<string> _file = new("FILE") { Description = "Memory file that uffd vmm snapshot wrote." };
    private readonly Option<Named<string>?> _backend =
        TypedOptions.OneOf("--backend", "Memory of the guest. Default the snapshot's.", "anon", "shmem", "hugetlb");
    private readonly KvmServingOptions _serving = new("the guest", TimeSpan.FromMinutes(2));
    private readonly Option<string?> _json = TypedOptions.Json();
    private readonly Terminal _terminal;

    private VmmRestoreCommand(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal) => new VmmRestoreCommand(terminal).Build();

    private Command Build()
    {
        Command command = new("restore", "Start a KVM guest from a snapshot, serve it from the files, and verify its end.")
        {
            _file, _backend,
        };
        _serving.AddTo(command, hasPrefetch: true);
        command.Options.Add(_json);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult arguments, CancellationToken cancel)
    {
        using JsonTarget json = JsonTarget.Open(_terminal, arguments.GetValue(_json));
        string file = arguments.GetRequiredValue(_file);
        // Bad input is told of without KVM too.
        Snapshot.Open(file).Dispose();
        await using KvmHost kvm = KvmHost.Start();
        VmmProgress progress = new(_terminal);
        (SnapshotDocument state, RestoreReport report) = await progress.WhileAsync(() => UffdRuntime.UseAsync(
            _serving.Configuration(arguments), async runtime =>
            {
                // From here on it is a restore: the command's own start-up is over.
                long begun = Stopwatch.GetTimestamp();
                using Snapshot snapshot = Snapshot.Open(file);
                string backend = arguments.GetValue(_backend)?.Value ?? snapshot.Document.Backend;
                RestoreOptions options = new()
                {
                    Backend = backend == "anon" ? null : backend,
                    Handlers = _serving.Handlers(arguments),
                    Prefetch = _serving.Prefetch(arguments),
                    Deadline = _serving.Deadline(arguments),
                    IncidentObserver = progress.Take,
                };
                return (snapshot.Document, await RestoreRun.RunAsync(runtime, kvm, snapshot, begun, options, cancel));
            }));
        new VmmSnapshotText(json.Report.Out).WriteRestored(file, state, report);
        json.Write(JsonText.Of("uffd-vmm-restore", VmmRestoreDocument.Of(file, state, report, progress.Incidents)));
        return report.Differences.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }
}
