using System.CommandLine;
using Spectre.Console;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Pictures;
using UffdActors.Cli.Reports;
using UffdActors.Model.Memory;
using UffdActors.Stress;
using UffdActors.Stress.Injection;
using UffdActors.Stress.Plan;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd stress</c>: real threads, injected faults, and oracles.</summary>
internal sealed class StressCommand
{
    private const string Anonymous = "anon";
    private static readonly StressOptions Defaults = new();

    private readonly Option<TimeSpan> _duration =
        TypedOptions.Duration("--duration", "How long; what has begun is then ended and checked.", Defaults.Duration);
    private readonly Option<int> _rounds =
        TypedOptions.Number("--rounds", "N", "End after so many rounds, if time is not over before.", Defaults.MostRounds, 1, int.MaxValue);
    private readonly Option<int> _vcpus =
        TypedOptions.Number("--vcpus", "N", "vCPUs.", Defaults.Vcpus, 1, Stress.Guest.PageLayout.MaxVcpus);
    private readonly Option<int> _handlers =
        TypedOptions.Number("--handlers", "N", "The most handlers; each round draws from 1 to N.", Defaults.Handlers, 1, 64);
    private readonly Option<int> _pages =
        TypedOptions.Number("--pages", "N", "Pages of the guest; few, so that vCPUs meet.", Defaults.Pages, 2, 1 << 20);
    private readonly Option<long?> _memory = TypedOptions.Size("--memory", "Size of the guest, instead of --pages.", 2 * PageSize.Base);
    private readonly Option<string> _backend =
        TypedOptions.Text("--backend", "NAME", "Memory of the guest: anon, or a loaded module (uffd backends).", Anonymous);
    private readonly Option<Named<StressMode>> _mode = TypedOptions.Choice<StressMode>(
        "--mode", "How faults are resolved.", "missing", [new("missing", StressMode.Missing), new("minor", StressMode.Minor)]);

    private readonly Option<Named<bool>> _protect =
        OnOff("--write-protect", "Write-protect pages under the guest, where the memory can do it.");
    private readonly Option<ulong> _seed =
        TypedOptions.Number("--seed", "N", "Seed of programs, rounds and injections.", Defaults.Seed, 0UL, ulong.MaxValue);
    private readonly Option<int> _visits =
        TypedOptions.Number("--visits", "N", "Visits of all vCPUs in a lap; 0 for four a page.", 0, 0, int.MaxValue);
    private readonly Option<TimeSpan> _deadline =
        TypedOptions.Duration("--deadline", "An access that takes longer has hung.", Defaults.Deadline);
    private readonly Option<int> _load =
        TypedOptions.Number("--load", "N", "Busy threads beside the guest.", Environment.ProcessorCount, 0, 1024);
    private readonly Option<Named<bool>> _gc = OnOff("--gc", "Collect garbage all the time.");
    private readonly Option<double> _eexist =
        TypedOptions.Number("--eexist", "SHARE", "Faults whose page a racing resolver is sent to.", Defaults.EexistRate, 0.0, 1.0);
    private readonly Option<double> _eagain = TypedOptions.Number(
        "--eagain", "SHARE", "Events beside the guest among the disturbances, where there are events.", Defaults.EagainRate, 0.0, 1.0);
    private readonly Option<double> _pageOut = TypedOptions.Number(
        "--page-out", "SHARE", "Disturbances that page a few pages out; has an effect where there is swap.", Defaults.PageOutRate, 0.0,
        1.0);
    private readonly Option<double> _crashes =
        TypedOptions.Number("--crashes", "SHARE", "Chance that a handler crashes at a point that it passes.", Defaults.CrashRate, 0.0, 0.5);
    private readonly Option<double> _source = TypedOptions.Number(
        "--source-faults", "SHARE", "Answers of the source that are late, double, or failures first.", Defaults.SourceFaultRate, 0.0, 0.5);
    private readonly Option<bool> _demo = TypedOptions.Flag(
        "--demo-violation", "Put a bug in: the page source forgets what the guest has written. Shows what failure looks like.");
    private readonly Option<string?> _json = TypedOptions.Json();
    private readonly PictureOptions _pictures = new();
    private readonly RuntimeOptions _runtime = new();
    private readonly Terminal _terminal;

    private StressCommand(Terminal terminal) => _terminal = terminal;

    public static Command Build(Terminal terminal) => new StressCommand(terminal).Build();

    private Command Build()
    {
        Command command = new(
            "stress", "Stress the ring on real threads: a lock and counters in every page, racing resolvers, injected faults, oracles.");
        foreach (Option option in new Option[]
        {
            _duration, _rounds, _vcpus, _handlers, _pages, _memory, _backend, _mode, _protect, _seed, _visits, _deadline, _load, _gc,
            _eexist, _eagain, _pageOut, _crashes, _source, _demo, _json,
        })
        {
            command.Options.Add(option);
        }

        command.Exclude(_pages, _memory, "both are the size of the guest");
        _pictures.AddTo(command, hasTimeline: false);
        _runtime.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult arguments, CancellationToken cancel)
    {
        using JsonTarget json = JsonTarget.Open(_terminal, arguments.GetValue(_json));
        StressRun run = new(Options(arguments));
        RunPictures pictures = RunPictures.Of(_terminal, _pictures, arguments);
        if (_terminal.IsInteractive && !pictures.HasUi) _terminal.WriteStatus("stress: the guest starts");
        StressReport report;
        await using (UffdRuntime runtime = UffdRuntime.Start(StressRun.ConfigurationOver(_runtime.Configuration(arguments))))
        {
            StressProgress progress = new(_terminal, run) { IsDrawnElsewhere = pictures.HasUi };
            report = await pictures.WhileAsync(
                "uffd stress", () => StressPage.Watched(run), progress.WhileAsync, () => run.RunAsync(runtime, cancel));
            pictures.Recorder?.End();
        }

        IAnsiConsole console = json.Report.Out;
        StressText.Write(console, report);
        json.Write(JsonText.Of("uffd-stress", StressDocument.Of(report)));
        pictures.Write(history => StressPage.Of(history, report), "uffd stress", isRemote: false);
        if (report.Violation is { } violation) throw new CommandException(ExitCode.Failed, $"{violation.Oracle}: {violation.Message}");
        // Rounds that had begun were ended and checked, but the run was shorter than asked for.
        if (report is { Interrupted: true, Passed: true })
            throw new CommandException(ExitCode.Interrupted, "interrupted; every check that was made until then passed.");
        if (report.Interrupted) throw new CommandException(ExitCode.Interrupted, CommandFailures.Interrupted);
        if (report.Totals.Rounds == 0) throw new CommandException(ExitCode.Failed, "nothing was verified.");
        if (!report.Passed)
            throw new CommandException(
                ExitCode.Failed,
                $"nothing was broken, but too little was exercised ({StressText.MissedBy(report)}); run longer, or with more vCPUs and "
                    + $"fewer pages.");
        return ExitCode.Done;
    }

    private StressOptions Options(ParseResult arguments) => new()
    {
        Duration = arguments.GetValue(_duration),
        MostRounds = arguments.GetValue(_rounds),
        Vcpus = arguments.GetValue(_vcpus),
        Handlers = arguments.GetValue(_handlers),
        Pages = arguments.GetValue(_memory) is { } bytes
            ? (int)Math.Min(int.MaxValue, PageSize.PagesFor(bytes))
            : arguments.GetValue(_pages),
        Backend = arguments.GetValue(_backend) is var name && name == Anonymous ? null : name,
        Mode = arguments.GetValue(_mode)!.Value,
        WriteProtect = arguments.GetValue(_protect)!.Value,
        Profile = _runtime.Profile(arguments),
        Seed = arguments.GetValue(_seed),
        VisitsPerLap = arguments.GetValue(_visits),
        Deadline = arguments.GetValue(_deadline),
        LoadThreads = arguments.GetValue(_load),
        ForceCollections = arguments.GetValue(_gc)!.Value,
        EexistRate = arguments.GetValue(_eexist),
        EagainRate = arguments.GetValue(_eagain),
        PageOutRate = arguments.GetValue(_pageOut),
        CrashRate = arguments.GetValue(_crashes),
        SourceFaultRate = arguments.GetValue(_source),
        WrapSource = arguments.GetValue(_demo) ? static (source, _) => new ForgetfulSource(source) : null,
    };

    private static Option<Named<bool>> OnOff(string name, string description) =>
        TypedOptions.Choice<bool>(name, description, "on", [new("on", true), new("off", false)]);
}
