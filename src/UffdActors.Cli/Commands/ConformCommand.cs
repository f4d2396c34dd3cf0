using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Conformance.Replay;
using UffdActors.Conformance.Runs;
using UffdActors.Model;
using UffdActors.Modules;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd conform</c>: replays what a real kernel was recorded to do, and compares every field.</summary>
internal static class ConformCommand
{
    // Enough to see what is wrong; the JSON has them all.
    private const int ShownMismatches = 50;

    public static Command Build(Terminal terminal)
    {
        Option<string?> data = TypedOptions.Text(
            "--data", "DIR",
            "Folder with matrix_faults.csv, matrix_ops.csv and *.jsonl; default: the project's own recordings of Linux 6.18.");
        Option<Named<ConformanceVia>> via =
            TypedOptions.Choice("--via", "The sequential kernel, the actors, or both.", ConformanceVia.Both);
        Option<Named<KernelProfile>> profile = AskCommand.ProfileOption("Kernel profile that is to be the recorded kernel.");
        Option<string> filter =
            TypedOptions.Text("--filter", "TEXT", "Only files whose name, and matrix rows whose text, contains this.", "");
        Option<int> seeds = TypedOptions.Number(
            "--seeds", "N", "Random orders in which the actors replay everything again.", new ConformanceOptions().Seeds, 0, int.MaxValue);
        Option<bool> noInvariants = TypedOptions.Flag("--no-invariants", "Do not check the invariants of SEMANTICS 9.3 after every step.");
        Option<int?> passes = TypedOptions.Number(
            "--passes", "N", "Measure: replay the traces this often on one thread, without the first two.", ConformanceRun.WarmUpPasses + 1,
            int.MaxValue);
        Option<string?> module =
            TypedOptions.Text("--module", "FILE.dll", "Run the checks of the design study on the memory module of an assembly instead.");
        Option<string?> type = TypedOptions.Text("--type", "NAME", "With --module: the module's type, if there are several.");
        Option<string[]> settings = TypedOptions.Texts(
            "--set", "KEY=VALUE", "With --module: a setting of the module, as in rom.file=PATH; may be repeated.");
        Option<string?> json = TypedOptions.Json();
        Command command = new("conform", "Replay recorded kernel behaviour in the model and compare every field.")
        {
            data, via, profile, filter, seeds, noInvariants, passes, module, type, settings, json,
        };
        LiveConform live = new(terminal, command);
        Option[] ofReplay = [data, via, filter, seeds, noInvariants, passes];
        Option[] ofModule = [module, type, settings];
        command.SetAction(async (parsed, cancel) =>
        {
            string? mode = parsed.GetValue(module) is not null ? module.Name : live.IsAskedFor(parsed) ? "--live" : null;
            Refuse(parsed,
                mode == module.Name
                    ? [.. ofReplay, .. live.Options]
                    : mode is null ? [.. ofModule, .. live.Options] : [.. ofReplay, .. ofModule], mode);
            if (parsed.GetValue(module) is { } file)
            {
                // The seed's table is what modules are written for.
                KernelProfile kernel = parsed.CommandResult.Has(profile) ? parsed.GetRequiredValue(profile).Value : KernelProfile.Seed;
                return ModuleConformance.Run(
                    terminal, file, parsed.GetValue(type), parsed.GetValue(settings) ?? [], kernel, parsed.GetValue(json),
                    ModuleCall.Patience);
            }

            if (live.IsAskedFor(parsed))
            {
                using JsonTarget report = JsonTarget.Open(terminal, parsed.GetValue(json));
                return await live.RunAsync(
                    parsed, parsed.CommandResult.Has(profile) ? parsed.GetRequiredValue(profile).Value : null, report, cancel);
            }

            ConformanceOptions options = new()
            {
                Via = parsed.GetRequiredValue(via).Value,
                Profile = parsed.GetRequiredValue(profile).Value,
                Seeds = parsed.GetValue(seeds),
                ChecksInvariants = !parsed.GetValue(noInvariants),
            };
            int measured = parsed.GetValue(passes) ?? 0;
            using JsonTarget target = JsonTarget.Open(terminal, parsed.GetValue(json));
            string folder = parsed.GetValue(data) ?? ConformanceData.OwnFolder;
            string part = parsed.GetRequiredValue(filter);
            ConformanceReport outcome = await Watched(
                terminal,
                progress => new ConformanceRun(folder, ConformanceData.Read(folder, part), options).Run(progress, measured, cancel));
            target.Write(ConformDocument.Of(outcome));
            Write(target.Report, outcome);
            return outcome.Mismatches.Any() || outcome.Skipped > 0 ? ExitCode.Failed : ExitCode.Done;
        });
        return command;
    }

    // Replaying, --live and --module are three commands in one; an option of another one would be ignored in silence.
    private static void Refuse(ParseResult parsed, IEnumerable<Option> foreign, string? mode)
    {
        if (foreign.FirstOrDefault(o => parsed.CommandResult.Has(o)) is { } option)
            throw CommandException.BadInput(
                $"{option.Name} means nothing {(mode is null ? "where recordings are replayed" : $"with {mode}")}; leave it out.");
    }

    private static Task<ConformanceReport> Watched(Terminal terminal, Func<Action<int, int>?, ConformanceReport> run) =>
        terminal.IsInteractive
        ? terminal.Progress.Status().StartAsync("reading the recordings", status => Task.Run(() => run(
            (done, all) => status.Status = string.Create(CultureInfo.InvariantCulture, $"replayed {done} of {all}"))))
        : Task.Run(() => run(null));

    private static void Write(Terminal terminal, ConformanceReport report)
    {
        foreach (FileResult file in report.Files)
        {
            string size = file.Rows > 0 ? $"{file.Rows} rows" : $"{file.Steps} steps";
            int wrong = file.Mismatches.Count();
            string verdict = wrong == 0 ? "holds" : string.Create(CultureInfo.InvariantCulture, $"{wrong} MISMATCHES");
            terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{file.Name}: {size}, {file.Fields} fields: {verdict}"));
        }

        foreach ((string way, Mismatch m) in report.Files.SelectMany(f => f.Ways).SelectMany(w => w.Mismatches.Select(m => (w.Way, m)))
            .Take(ShownMismatches))
        {
            terminal.WriteLine("");
            terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{m.Where}, step or line {m.Step}, via {way}: {m.Field}"));
            terminal.WriteLine("  expected  " + m.Expected.ReplaceLineEndings(" | "));
            terminal.WriteLine("  came      " + m.Actual.ReplaceLineEndings(" | "));
        }

        int mismatches = report.Mismatches.Count();
        terminal.WriteLine("");
        if (mismatches > ShownMismatches)
            terminal.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"... and {mismatches - ShownMismatches} more; --json has them all."));
        foreach (IGrouping<string, WayResult> way in report.Files.SelectMany(f => f.Ways).GroupBy(w => w.Way))
            terminal.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"via {way.Key}: {way.Sum(w => w.Fields)} fields, {way.Sum(w => w.Mismatches.Count)} mismatches"));
        terminal.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Profile}: {report.Files.Count} files, {report.Rows} rows, {report.Steps} steps, {report.Fields} fields, "
                + $"{mismatches} mismatches, {report.Skipped} skipped, {report.Seconds:F1} s"));
        foreach (SpeedResult speed in report.Speed)
            terminal.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture, $"speed via {speed.Way}: {speed.StepsPerSecond:F0} steps/s over {speed.Passes} passes"));
    }
}
