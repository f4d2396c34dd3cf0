using System.CommandLine;
using UffdActors.Bench;
using UffdActors.Bench.Events;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd bench</c>: what the fault ring costs, and two runs side by side.</summary>
internal static class BenchCommand
{
    private const string Name = "bench";
    private const string WorkerName = "worker";

    public static Command Build(CommandHost host)
    {
        Command command = new(Name, "Measure the fault ring, and compare runs.");
        command.Subcommands.Add(Faults(host));
        command.Subcommands.Add(Events(host));
        command.Subcommands.Add(Memory(host));
        command.Subcommands.Add(Compare(host));
        command.Subcommands.Add(WorkerProcess());
        return command;
    }

    private static Command Faults(CommandHost host)
    {
        Option<string> world = new("--world") { Description = "Where memory and userfaultfd are: model, or live (real page faults of this kernel, beside a loop without actors).", DefaultValueFactory = _ => "model" };
        Option<string> vcpus = new("--vcpus") { Description = "Numbers of vCPUs, one row each; 1,4,16 if not given, live 1,2,4,8,16.", DefaultValueFactory = _ => "1,4,16" };
        Option<string> content = new("--content") { Description = "phantom (a stamp a page) or bytes (every page is copied).", DefaultValueFactory = _ => "phantom" };
        Option<string> mode = new("--mode") { Description = "missing (anonymous memory, COPY) or minor (shmem, CONTINUE).", DefaultValueFactory = _ => "missing" };
        Option<int> vms = new("--vms") { Description = "VMs side by side, beside one alone.", DefaultValueFactory = _ => 1 };
        Option<int> processes = new("--processes") { Description = "Processes side by side with one VM each, beside one VM alone.", DefaultValueFactory = _ => 1 };
        Option<string> dispatchers = new("--dispatcher") { Description = "fault-loop, parallel, stepped; several for a row each.", DefaultValueFactory = _ => "fault-loop" };
        Option<string> cpus = new("--cpu") { Description = "CPUs to bind fault loops to, VM by VM (0 or 0,1); none for any.", DefaultValueFactory = _ => "" };
        Option<long> pages = new("--pages") { Description = "Pages of each VM; 262144 phantom ones, 65536 of bytes, or live 32768 (with --push 262144) if not given." };
        Option<int> repeats = new("--repeats") { Description = "Repeats that count; one more is dropped.", DefaultValueFactory = _ => 5 };
        Option<string> json = new("--json") { Description = "Write the figures as JSON to a file, or to standard output (-)." };
        Command command = new("faults", "Pages never seen before, one demand fault each, beside a ring of empty actors.")
        {
            world, vcpus, content, mode, vms, processes, dispatchers, cpus, pages, repeats, json,
        };
        LiveBench live = new(host, command) { World = world, Vcpus = vcpus, Mode = mode, Vms = vms, Pages = pages, Repeats = repeats, Json = json };
        Option[] ofModel = [content, processes, dispatchers, cpus];
        command.SetAction(async (parsed, cancel) =>
        {
            if (live.IsAskedFor(parsed, ofModel)) return await live.RunAsync(parsed, cancel);
            if (parsed.GetResult(pages) is not null && parsed.GetValue(pages) < 1) throw CommandException.BadInput($"--pages {parsed.GetValue(pages)}: at least 1 is needed.");
            FaultBenchOptions options = new()
            {
                Vcpus = Arguments.Numbers("--vcpus", parsed.GetRequiredValue(vcpus)),
                Content = Arguments.OneOf<BenchContent>("--content", parsed.GetRequiredValue(content)),
                Mode = Arguments.OneOf<BenchMode>("--mode", parsed.GetRequiredValue(mode)),
                Vms = parsed.GetValue(vms),
                Processes = parsed.GetValue(processes),
                Dispatchers = Arguments.List(parsed.GetRequiredValue(dispatchers)),
                Cpus = Arguments.Numbers("--cpu", parsed.GetRequiredValue(cpus)),
                Pages = parsed.GetValue(pages),
                Repeats = parsed.GetValue(repeats),
            };
            using JsonTarget target = JsonTarget.Open(host.Terminal, parsed.GetValue(json));
            await using WorkerProcesses workers = new(() => OwnProcess.With(Name, WorkerName));
            FaultBenchReport report = await new FaultBench(options, workers).RunAsync(host.Terminal.WriteStatus, cancel);
            target.Write(report.ToJson());
            if (!target.TakesOutput) BenchTables.Write(host.Terminal, report);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Events(CommandHost host)
    {
        EventBenchOptions defaults = new();
        Option<string> world = new("--world") { Description = "Where memory and userfaultfd are: model, or live.", DefaultValueFactory = _ => "model" };
        Option<int> events = new("--events") { Description = "Pages given back one by one, a REMOVE event each.", DefaultValueFactory = _ => defaults.Events };
        Option<string> regions = new("--regions") { Description = "Numbers of regions beside each other, one row of faults each; empty for none.", DefaultValueFactory = _ => string.Join(',', defaults.Regions) };
        Option<int> repeats = new("--repeats") { Description = "Repeats that count; one more is dropped.", DefaultValueFactory = _ => defaults.Repeats };
        Option<string> json = new("--json") { Description = "Write the figures as JSON to a file, or to standard output (-)." };
        Command command = new("events", "Whether an event costs more the more came before it, and a fault the more regions there are.") { world, events, regions, repeats, json };
        command.SetAction(async (parsed, cancel) =>
        {
            EventBenchOptions options = new()
            {
                World = Arguments.OneOf<EventBenchWorld>("--world", parsed.GetRequiredValue(world)),
                Events = parsed.GetValue(events),
                Regions = Arguments.Numbers("--regions", parsed.GetRequiredValue(regions)),
                Repeats = parsed.GetValue(repeats),
            };
            using JsonTarget target = JsonTarget.Open(host.Terminal, parsed.GetValue(json));
            EventBenchReport report = await new EventBench(options).RunAsync(host.Terminal.WriteStatus, cancel);
            target.Write(report.ToJson());
            if (!target.TakesOutput) BenchTables.Write(host.Terminal, report);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Memory(CommandHost host)
    {
        Option<string> json = new("--json") { Description = "Write the figures as JSON to a file, or to standard output (-)." };
        Command command = new("memory", "What a page costs beside its content, and a phantom guest of 1 TiB. Exits with 1 if a limit is passed.") { json };
        command.SetAction(async (parsed, cancel) =>
        {
            using JsonTarget target = JsonTarget.Open(host.Terminal, parsed.GetValue(json));
            MemoryReport report = await MemoryReport.MeasureAsync(host.Terminal.WriteStatus, cancel);
            target.Write(report.ToJson());
            if (!target.TakesOutput) BenchTables.Write(host.Terminal, report);
            return report.IsWithinLimits ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    private static Command Compare(CommandHost host)
    {
        Argument<string> before = new("A.json") { Description = "JSON of a run." };
        Argument<string> after = new("B.json") { Description = "JSON of another run." };
        Command command = new("compare", "Set two runs side by side: B over A, and whether their ranges overlap.") { before, after };
        command.SetAction(parsed =>
        {
            FaultBenchReport a = FaultBenchReport.Load(parsed.GetRequiredValue(before));
            FaultBenchReport b = FaultBenchReport.Load(parsed.GetRequiredValue(after));
            BenchTables.Write(host.Terminal, BenchComparison.Of(a, b));
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
