using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Programs;
using UffdActors.Linux.Machine;
using UffdActors.Model;
using UffdActors.Recorder.Comparison;
using UffdActors.Recorder.Execution;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd conform --live</c>: generated programs on this kernel and on the model, step by step.</summary>
internal sealed class LiveConform
{
    // A step takes well under a millisecond; a machine under load may stop everything for a while.
    private static readonly TimeSpan StepDeadline = TimeSpan.FromSeconds(5);

    private readonly Terminal _terminal;
    private readonly Option<bool> _live =
        TypedOptions.Flag("--live", "Compare generated programs on the kernel of this machine with the model instead.");
    private readonly Option<int> _programs =
        TypedOptions.Number("--programs", "N", "With --live: programs.", new LiveRunOptions().Programs, 1, int.MaxValue);
    private readonly Option<ulong> _seed =
        TypedOptions.Number("--seed", "N", "With --live: seed of the first program.", new LiveRunOptions().Seed, 0UL, ulong.MaxValue);
    private readonly Option<int> _steps =
        TypedOptions.Number("--steps", "N", "With --live: steps of a program.", new LiveRunOptions().Steps, 1, int.MaxValue);
    private readonly Option<Named<ProgramClass>?> _class = ClassOption();
    private readonly Option<string> _out =
        TypedOptions.Text("--out", "DIR", "With --live: folder into which a program that differs is written.", ".");

    public LiveConform(Terminal terminal, Command command)
    {
        _terminal = terminal;
        foreach (Option option in Options) command.Options.Add(option);
    }

    /// <summary>Options that mean nothing without it, itself among them.</summary>
    public IReadOnlyList<Option> Options => [_live, _programs, _seed, _steps, _class, _out];

    /// <summary>The option that names a class of programs.</summary>
    public static Option<Named<ProgramClass>?> ClassOption() => TypedOptions.OneOf<ProgramClass>(
        "--class", "Class of generated programs; default: any.", [.. ProgramClass.All.Select(c => new Named<ProgramClass>(c.Name, c))]);

    /// <summary>A process of this program in which programs are executed on the last CPU of this one.</summary>
    public static ProgramProcess NewProcess(MachineReport machine) => new(
        () => OwnProcess.With(ProgramServerCommand.Name, "--cpu", machine.Cpus.Allowed[^1].ToString(CultureInfo.InvariantCulture)),
        StepDeadline);

    /// <summary>True if this is what was asked for.</summary>
    public bool IsAskedFor(ParseResult parsed) => parsed.GetValue(_live);

    /// <summary>Runs it.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="asked">The model to compare with; null for the one that is this kernel.</param>
    /// <param name="target">Where the document goes.</param>
    /// <param name="cancel">Ends it between two programs.</param>
    public async Task<int> RunAsync(ParseResult parsed, KernelProfile? asked, JsonTarget target, CancellationToken cancel)
    {
        LiveRunOptions options = new()
        {
            Programs = parsed.GetValue(_programs),
            Seed = parsed.GetValue(_seed),
            Steps = parsed.GetValue(_steps),
            Class = parsed.GetValue(_class)?.Value,
        };
        string folder = OutFolder(parsed.GetRequiredValue(_out));
        MachineReport machine = MachineReport.Read();
        LiveConditions conditions = LiveConditions.Of(machine, ModelFor(machine.Kernel.Release, asked));
        using LiveComparison live = new(NewProcess(machine), conditions);
        LiveRun run = new(live, conditions, options);
        ComparisonReport report = await Watched(run, options.Programs, cancel);
        target.Write(ConformDocument.Of(report));
        Write(target.Report, report);
        if (report.Found is not { } found) return ExitCode.Done;
        string path = Path.Combine(
            folder, string.Create(CultureInfo.InvariantCulture, $"live-{found.Difference.Program.Header.Class}-{found.Seed}.jsonl"));
        TraceWriter.Write(path, found.Difference.Recorded);
        _terminal.WriteStatus($"what the kernel showed is in {path}");
        return ExitCode.Failed;
    }

    /// <summary>
    /// The folder for traces, made if it is not there: before anything runs, so that nothing is found that cannot be written.
    /// </summary>
    /// <exception cref="CommandException">It cannot be made.</exception>
    public static string OutFolder(string folder)
    {
        try
        {
            _ = Directory.CreateDirectory(folder);
            return folder;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CommandException.BadInput($"--out {folder}: the folder cannot be made ({e.Message}); name one that can be written.");
        }
    }

    /// <summary>The model that a kernel is compared with.</summary>
    /// <param name="release">Release of the kernel.</param>
    /// <param name="asked">What was asked for; null if nothing was.</param>
    /// <exception cref="CommandException">There is no profile of this kernel, and none was asked for.</exception>
    internal KernelProfile ModelFor(string release, KernelProfile? asked)
    {
        KernelProfile? own = LiveConditions.ModelOf(release);
        if (asked is null)
        {
            return own ?? throw new CommandException(
                ExitCode.Unsupported,
                $"There is no profile of this machine's kernel ({release}), so a difference would prove nothing. Name the profile to "
                    + $"compare with, as in --profile {KernelProfile.Linux618.Name}.");
        }

        if (asked.Name != own?.Name)
            _terminal.WriteStatus(
                $"Linux {release} is compared with the model of {asked.Name}, as asked for: a difference may be one between the two "
                    + $"kernels.");
        return asked;
    }

    private Task<ComparisonReport> Watched(LiveRun run, int programs, CancellationToken cancel) => _terminal.IsInteractive
        ? _terminal.Progress.Status().StartAsync("comparing", status => Task.Run(
            () => run.Run(
                done => status.Status = string.Create(CultureInfo.InvariantCulture, $"compared {done} of {programs} programs"), cancel),
                cancel))
        : Task.Run(() => run.Run(null, cancel), cancel);

    private static void Write(Terminal terminal, ComparisonReport report)
    {
        if (report.Found is { } found)
        {
            terminal.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"seed {found.Seed}, step {found.Difference.Problem.Step} of the smallest program found: "
                        + $"{found.Difference.Problem.Field}"));
            terminal.WriteLine("  model   " + found.Difference.Problem.Expected.ReplaceLineEndings(" | "));
            terminal.WriteLine("  kernel  " + found.Difference.Problem.Actual.ReplaceLineEndings(" | "));
            foreach (TraceStep step in found.Difference.Program.Steps) terminal.WriteRaw("  " + TraceWriter.ToText(step.Step));
        }

        terminal.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Kernel} against {report.Profile}: {report.Programs} programs, {report.Steps} steps, {report.Fields} fields, huge "
                + $"pages {(report.HugePages ? "included" : "left out")}, {(report.Found is null ? "no difference" : "A DIFFERENCE")}, "
                + $"{report.Seconds:F1} s"));
    }
}
