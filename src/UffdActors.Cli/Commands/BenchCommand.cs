using System.CommandLine;
using UffdActors.Bench;
using UffdActors.Bench.Events;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Pictures;
using UffdActors.Cli.Reports;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd bench</c>: what the fault ring costs, and two runs side by side.</summary>
internal static class BenchCommand
{
    private const string Name = "bench";
    private const string WorkerName = "worker";

    public static Command Build(Terminal terminal)
    {
        Command command = new(Name, "Measure the fault ring, and compare runs.");
        command.Subcommands.Add(Faults(terminal));
        command.Subcommands.Add(Events(terminal));
        command.Subcommands.Add(Memory(terminal));
        command.Subcommands.Add(Compare(terminal));
        command.Subcommands.Add(WorkerProcess());
        return command;
    }

    private static Command Faults(Terminal terminal)
    {
        Option<Named<EventBenchWorld>> world = TypedOptions.Choice(
            "--world", "Where memory and userfaultfd are; live: real page faults of this kernel, beside a loop without actors.",
            EventBenchWorld.Model);
        Option<Named<IReadOnlyList<int>>> vcpus =
            TypedOptions.Numbers("--vcpus", "Numbers of vCPUs, one row each. With --world live the default is 1,2,4,8,16.", 1, 4, 16);
        Option<Named<BenchContent>> content =
            TypedOptions.Choice("--content", "A stamp a page, or bytes that are copied.", BenchContent.Phantom);
        Option<Named<BenchMode>> mode =
            TypedOptions.Choice("--mode", "Anonymous memory and COPY, or shmem and CONTINUE.", BenchMode.Missing);
        Option<int> vms = TypedOptions.Number("--vms", "N", "VMs side by side, beside one alone.", 1, 1, int.MaxValue);
        Option<int> processes =
            TypedOptions.Number("--processes", "N", "Processes side by side with one VM each, beside one VM alone.", 1, 1, int.MaxValue);
        Option<string> dispatchers =
            TypedOptions.Text("--dispatcher", "NAME,...", "fault-loop, parallel, stepped; several for a row each.", "fault-loop");
        Option<Named<IReadOnlyList<int>>> cpus =
            TypedOptions.Numbers("--cpu", "CPUs to bind fault loops to, VM by VM (0 or 0,1). Default: any.");
        Option<long?> pages = TypedOptions.Number(
            "--pages", "N", "Pages of each VM. Default: 262144 phantom, 65536 of bytes; live 32768, or 262144 with --push.", 1L,
            long.MaxValue);
        Option<int> repeats = TypedOptions.Number("--repeats", "N", "Repeats that count; one more is dropped.", 5, 1, int.MaxValue);
        Option<string?> json = TypedOptions.Json();
        Option<string?> html = PictureOptions.Page();
        Command command = new("faults", "Pages never seen before, one demand fault each, beside a ring of empty actors.")
        {
            world, vcpus, content, mode, vms, processes, dispatchers, cpus, pages, repeats, json, html,
        };
        LiveBench live =
            new(terminal, command)
            {
                World = world,
                Vcpus = vcpus,
                Mode = mode,
                Vms = vms,
                Pages = pages,
                Repeats = repeats,
                Json = json,
                Html = html,
            };
        Option[] ofModel = [content, processes, dispatchers, cpus];
        command.SetAction(async (parsed, cancel) =>
        {
            if (live.IsAskedFor(parsed, ofModel)) return await live.RunAsync(parsed, cancel);
            FaultBenchOptions options = new()
            {
                Vcpus = parsed.GetRequiredValue(vcpus).Value,
                Content = parsed.GetRequiredValue(content).Value,
                Mode = parsed.GetRequiredValue(mode).Value,
                Vms = parsed.GetValue(vms),
                Processes = parsed.GetValue(processes),
                Dispatchers = TypedOptions.Parts(parsed.GetRequiredValue(dispatchers)),
                Cpus = parsed.GetRequiredValue(cpus).Value,
                Pages = parsed.GetValue(pages) ?? 0,
                Repeats = parsed.GetValue(repeats),
            };
            using BenchResults target = BenchResults.Open(terminal, parsed.GetValue(json), parsed.GetValue(html));
            await using WorkerProcesses workers = new(() => OwnProcess.With(Name, WorkerName));
            FaultBenchReport report = await new FaultBench(options, workers).RunAsync(terminal.WriteStatus, cancel);
            target.Write(FaultBenchDocument.Of(report));
            BenchTables.Write(target.Report, report);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Events(Terminal terminal)
    {
        EventBenchOptions defaults = new();
        Option<Named<EventBenchWorld>> world = TypedOptions.Choice("--world", "Where memory and userfaultfd are.", EventBenchWorld.Model);
        Option<int> events =
            TypedOptions.Number("--events", "N", "Pages given back one by one, a REMOVE event each.", defaults.Events, 1, int.MaxValue);
        Option<Named<IReadOnlyList<int>>> regions = TypedOptions.Numbers(
            "--regions", "Numbers of regions beside each other, one row of faults each; a single comma for none.", [.. defaults.Regions]);
        Option<int> repeats =
            TypedOptions.Number("--repeats", "N", "Repeats that count; one more is dropped.", defaults.Repeats, 1, int.MaxValue);
        Option<string?> json = TypedOptions.Json();
        Option<string?> html = PictureOptions.Page();
        Command command = new(
            "events", "Whether an event costs more the more came before it, and a fault the more regions there are.") { world, events,
                regions, repeats, json, html };
        command.SetAction(async (parsed, cancel) =>
        {
            EventBenchOptions options = new()
            {
                World = parsed.GetRequiredValue(world).Value,
                Events = parsed.GetValue(events),
                Regions = parsed.GetRequiredValue(regions).Value,
                Repeats = parsed.GetValue(repeats),
            };
            using BenchResults target = BenchResults.Open(terminal, parsed.GetValue(json), parsed.GetValue(html));
            EventBenchReport report = await new EventBench(options).RunAsync(terminal.WriteStatus, cancel);
            target.Write(JsonText.Of("uffd-bench-events", report, version: 2));
            BenchTables.Write(target.Report, report);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Memory(Terminal terminal)
    {
        Option<string?> json = TypedOptions.Json();
        Option<string?> html = PictureOptions.Page();
        Command command = new(
            "memory", "What a page costs beside its content, and a phantom guest of 1 TiB. Exits with 1 if a limit is passed.")
        {
            json, html,
        };
        command.SetAction(async (parsed, cancel) =>
        {
            using BenchResults target = BenchResults.Open(terminal, parsed.GetValue(json), parsed.GetValue(html));
            MemoryReport report = await MemoryReport.MeasureAsync(terminal.WriteStatus, cancel);
            target.Write(JsonText.Of("uffd-bench-memory", report));
            BenchTables.Write(target.Report, report);
            return report.IsWithinLimits ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    private static Command Compare(Terminal terminal)
    {
        Argument<string> before = new("A.json") { Description = "JSON of a run of any bench." };
        Argument<string> after = new("B.json") { Description = "JSON of another run of it." };
        Option<string?> html = PictureOptions.Page();
        Command command = new(
            "compare", "Set two runs of one bench side by side: B over A, and whether their ranges overlap.") { before, after, html };
        command.SetAction(parsed =>
        {
            (string a, string b) = (parsed.GetRequiredValue(before), parsed.GetRequiredValue(after));
            (BenchDocument first, BenchDocument second) = (BenchDocument.Load(a), BenchDocument.Load(b));
            if (parsed.GetValue(html) is { } checkedFirst) WritableFile.Check(html.Name, checkedFirst);
            IReadOnlyList<string> notes;
            IEnumerable<(string Name, Spread A, Spread B)> figures;
            if (first.Kind == FaultBenchDocument.Kind)
            {
                BenchComparison comparison = BenchComparison.Of(FaultBenchDocument.Load(a), FaultBenchDocument.Load(b));
                BenchTables.Write(terminal, comparison);
                notes = comparison.Notes;
                figures = comparison.Figures.Select(f => ($"{f.Dispatcher}, {f.Vcpus} vCPUs: {f.Name}", f.A, f.B));
            }
            else
            {
                DocumentComparison comparison = DocumentComparison.Of(first, second);
                BenchTables.Write(terminal, comparison);
                (notes, figures) = (comparison.Notes, comparison.Figures);
            }

            if (parsed.GetValue(html) is { } page)
                PictureFile.Write(html.Name, page, BenchPage.Of(a, b, first.Kind, notes, figures));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command WorkerProcess()
    {
        Command command = new(WorkerName, "Serves runs of another process of this program.") { Hidden = true };
        command.SetAction(async (_, cancel) =>
        {
            ParentWatch.Start();
            await Worker.ServeAsync(Console.In, Console.Out, cancel);
            return ExitCode.Done;
        });
        return command;
    }
}
