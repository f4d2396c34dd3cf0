using System.CommandLine;
using System.Globalization;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Pictures;
using UffdActors.Cli.Reports;
using UffdActors.Explore;
using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Mutants;
using UffdActors.Explore.Policies;
using UffdActors.Explore.Reports;
using UffdActors.Explore.Runs;
using UffdActors.Explore.Scenarios;
using UffdActors.Pictures.Html;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd explore</c>: scenarios in many orders, with every invariant checked after every step.</summary>
internal static class ExploreCommand
{
    private const int RandomScenarios = 100;
    private const int MostScenarios = 1_000_000;
    private const int MostRows = 200;
    private const int MostDrawings = 20;
    private const string RandomName = "random";

    public static Command Build(Terminal terminal)
    {
        Option<string> scenario = TypedOptions.Text(
            "--scenario",
            "NAME|FILE",
            "A scenario's name (--list names them), a file of your own (--grammar explains how to write one), all, or random (scenarios "
                + "out of the seed; --programs says how many).",
            "all");
        Option<long> schedules =
            TypedOptions.Number("--schedules", "N", "Schedules of each scenario, or of each mutant.", 10_000L, 1L, long.MaxValue);
        Option<TimeSpan?> duration = TypedOptions.Duration("--duration", "Time for each scenario; ends it sooner than --schedules.");
        Option<int> programs = TypedOptions.Number(
            "--programs", "N",
            "With --scenario random: how many scenarios; the first is that of --seed, and each is drawn from the next number.",
            RandomScenarios, 1, MostScenarios);
        Option<string> policy =
            TypedOptions.Text("--policy", "NAME", $"Order of events: {SchedulePolicy.Names}, all (a mix), exhaustive.", "all");
        Option<ulong> seed = TypedOptions.Number("--seed", "N", "The same seed makes the same schedules.", 1UL, 0UL, ulong.MaxValue);
        Option<int> threads = TypedOptions.Number("--threads", "N", "Exploring threads.", Environment.ProcessorCount, 1, int.MaxValue);
        Option<Named<string>?> mode = TypedOptions.OneOf(
            "--mode",
            "liveness: injected faults end, and then every thread must finish; safety: anything may hang, nothing may be wrong. Without "
                + "it, what each scenario says.",
            "liveness",
            "safety");
        Option<string?> mutants = TypedOptions.Text("--mutants", "FILE.dll", "Hunt the deliberate bugs of an assembly instead.");
        Option<bool> noReference = TypedOptions.Flag("--no-reference", "Do not compare the runs with the sequential kernel.");
        Option<string?> output = TypedOptions.Text("--out", "DIR", "Folder for replay files and sequence charts of what is found.");
        Option<bool> list = TypedOptions.Flag("--list", "Name the scenarios that there are, what each is about, and end.");
        Option<bool> grammar = TypedOptions.Flag(
            "--grammar", "Explain how a scenario is written (keys, actions and their arguments, features, fault points), and end.");
        Option<string?> json = TypedOptions.Json();
        PictureOptions pictureOptions = new();
        Command command = new("explore", "Run scenarios in many orders of events and check every invariant after every step.")
        {
            scenario, programs, schedules, duration, policy, seed, threads, mode, mutants, noReference, output, json, list, grammar,
        };
        pictureOptions.AddTo(command, hasTimeline: false);
        command.SetAction(async (parsed, cancel) =>
        {
            if (parsed.GetValue(grammar)) return Told(terminal, ScenarioGrammar.Text);
            if (parsed.GetValue(list)) return Told(terminal, ScenarioGrammar.List);
            string name = parsed.GetRequiredValue(scenario);
            string order = parsed.GetRequiredValue(policy);
            if (order != "exhaustive" && SchedulePolicy.Find(order) is null)
                throw CommandException.BadInput($"--policy {order}: use {SchedulePolicy.Names}, all or exhaustive.");
            int count = parsed.GetValue(programs);
            if (name != RandomName && parsed.GetResult(programs) is { Implicit: false })
                throw CommandException.BadInput("--programs goes with --scenario random.");
            CampaignOptions options = new()
            {
                Schedules = parsed.GetValue(schedules),
                Duration = parsed.GetValue(duration),
                Policy = order,
                Seed = parsed.GetValue(seed),
                MustFinish = parsed.GetValue(mode) is { } asked ? asked.Name == "liveness" : null,
                HasReference = !parsed.GetValue(noReference),
            };
            if (parsed.GetValue(output) is { } wanted) MakeFolder(wanted);
            using JsonTarget target = JsonTarget.Open(terminal, parsed.GetValue(json));
            RunPictures pictures = RunPictures.Of(terminal, pictureOptions, parsed);
            HeldLines held = new(terminal, pictures.HasUi);
            if (terminal.IsInteractive && !pictures.HasUi) terminal.WriteStatus($"exploring {name}");
            Exploration exploration = new(options, parsed.GetValue(threads), cancel) { OnDone = held.Tell, OnProgress = held.Tell };
            ExploreReport Run() => parsed.GetValue(mutants) is { } assembly
                ? exploration.Hunt(
                    MutantAssembly.Load(assembly), parsed.GetResult(scenario) is { Implicit: false } ? Of(name, options.Seed, count) : null)
                : exploration.Explore(Of(name, options.Seed, count));
            ExploreReport report = await pictures.WhileAsync(
                "uffd explore", () => ExplorePage.Watched(exploration), held.WhileAsync, () => Task.Run(Run, CancellationToken.None));
            pictures.Recorder?.End();
            if (parsed.GetValue(output) is { } folder) WriteFindings(folder, report);
            target.Write(ExploreDocument.Of(report));
            pictures.Write(_ => ExplorePage.Of(report, DrawingsOf(report)), "uffd explore", isRemote: false);
            WriteTables(target.Report, report);
            if (!report.IsInterrupted) return report.IsClean ? ExitCode.Done : ExitCode.Failed;
            bool hasFound = report.Scenarios.Any(s => s.Finding is not null);
            bool hasResults = report.Schedules > 0 || report.Mutants.Count > 0;
            terminal.WriteStatus(hasResults ? "interrupted; the report holds what there was by then." : CommandFailures.Interrupted);
            return hasFound ? ExitCode.Failed : ExitCode.Interrupted;
        });
        return command;
    }

    private static IReadOnlyList<Scenario> Of(string name, ulong seed, int count) => name switch
    {
        "all" => NamedScenarios.All,
        RandomName => Exploration.Random(seed, count),
        _ => [NamedScenarios.FindOrRead(name)],
    };

    private static int Told(Terminal terminal, string text)
    {
        terminal.WriteRaw(text.TrimEnd('\n'));
        return ExitCode.Done;
    }

    private static void WriteTables(Terminal terminal, ExploreReport report)
    {
        if (report.Scenarios.Count > 0)
        {
            ReportTable table = new("scenario", "schedules", "distinct", "steps each", "pairs", "holes", "result");
            // Of thousands of scenarios only those with a finding are listed.
            foreach (ScenarioReport scenario in report.Scenarios.Where(s => report.Scenarios.Count <= MostRows || s.Finding is not null))
            {
                string result = scenario.Finding is { } finding ? $"VIOLATION {finding.Violation.Invariant}"
                    : scenario.IsComplete ? "complete" : scenario.IsSaturated ? "clean, saturated" : "clean";
                table.AddRow(
                    scenario.Scenario,
                    Text(scenario.Schedules),
                    Text(scenario.Distinct),
                    Text(scenario.Steps / Math.Max(1, scenario.Schedules)),
                    Text(scenario.Coverage.Reached),
                    Text(scenario.Coverage.Holes.Count),
                    result);
            }

            if (table.Count > 0) table.Write(terminal);
            int broken = report.Scenarios.Count(s => s.Finding is not null);
            terminal.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{report.Scenarios.Count} scenarios, {report.Schedules:N0} schedules, {report.Scenarios.Sum(s => s.Distinct):N0} "
                    + $"different, {report.Scenarios.Sum(s => s.Steps):N0} steps, {broken} violations"));
        }

        foreach (CoverageHole hole in report.Holes.Where(_ => report.Scenarios.Count > 1))
            terminal.WriteLine($"hole: {hole.What} ({hole.Reason})");
        if (report.Mutants.Count > 0)
        {
            ReportTable table = new("rule", "mutant", "schedules", "policy", "scenario", "invariant", "shrunk to");
            foreach (MutantReport mutant in report.Mutants)
            {
                string[] found = mutant.Finding is { } finding
                    ? [finding.Policy, finding.Scenario.Name, finding.Violation.Invariant, $"{finding.Steps} steps"]
                    : ["-", "-", "NOT FOUND", "-"];
                table.AddRow([mutant.Mutant.Rule, mutant.Mutant.Name, Text(mutant.Schedules), .. found]);
            }

            table.Write(terminal);
        }

        foreach (Finding finding in report.Scenarios.Select(s => s.Finding).OfType<Finding>())
            terminal.WriteLine($"{finding.Scenario.Name}: {finding.Violation.Sentence}");
    }

    // Made before anything is explored: hours of work must not be lost for want of a folder to write to.
    private static void MakeFolder(string folder)
    {
        try
        {
            _ = Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw CommandException.BadInput($"--out {folder}: the folder cannot be made ({e.Message}).");
        }
    }

    /// <summary>What was found, with what each is called and the mutant that it is of.</summary>
    private static IEnumerable<(string Name, Finding Finding, Mutant? Mutant)> FindingsOf(ExploreReport report)
    {
        foreach (Finding finding in report.Scenarios.Select(s => s.Finding).OfType<Finding>())
            yield return (finding.Scenario.Name, finding, null);
        foreach (MutantReport mutant in report.Mutants)
        {
            if (mutant.Finding is { } finding) yield return (mutant.Mutant.Name, finding, mutant.Mutant);
        }
    }

    /// <summary>A replay file and two charts for each finding.</summary>
    private static void WriteFindings(string folder, ExploreReport report)
    {
        try
        {
            foreach ((string name, Finding finding, Mutant? mutant) in FindingsOf(report))
            {
                (ReplayFile replay, SequenceChart chart, string title) = Replayed(finding, report.Seed, mutant);
                File.WriteAllText(Path.Combine(folder, $"{name}.replay.json"), replay.ToJson());
                File.WriteAllText(Path.Combine(folder, $"{name}.txt"), chart.ToText(title));
                File.WriteAllText(Path.Combine(folder, $"{name}.svg"), chart.ToSvg(title));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CommandException.BadInput($"--out {folder}: the folder cannot be written ({e.Message}).");
        }
    }

    // The first of many; all are in the folder of --out.
    private static List<HtmlDrawing> DrawingsOf(ExploreReport report)
    {
        List<HtmlDrawing> drawings = [];
        foreach ((string name, Finding finding, Mutant? mutant) in FindingsOf(report).Take(MostDrawings))
        {
            (_, SequenceChart chart, string title) = Replayed(finding, report.Seed, mutant);
            drawings.Add(new HtmlDrawing(
                $"sequence-{drawings.Count + 1}", $"Sequence: {name}", title, chart.ToSvg(title), chart.ToText(title)));
        }

        return drawings;
    }

    private static (ReplayFile Replay, SequenceChart Chart, string Title) Replayed(Finding finding, ulong seed, Mutant? mutant)
    {
        ReplayFile replay = ReplayFile.Of(finding, seed, mutant?.Name);
        SequenceChart chart = new();
        using Explorer explorer = new(mutant?.Parts);
        RunResult result = replay.Run(explorer, chart);
        return (replay, chart, result.Violation?.Sentence ?? finding.Violation.Sentence);
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
