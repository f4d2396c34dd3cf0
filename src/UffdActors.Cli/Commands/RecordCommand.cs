using System.CommandLine;
using System.Globalization;
using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Programs;
using UffdActors.Linux.Machine;
using UffdActors.Model;
using UffdActors.Recorder.Comparison;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd record</c>: what generated programs show on the kernel of this machine, as traces.</summary>
internal static class RecordCommand
{
    public static Command Build(CommandHost host)
    {
        Option<string> folder = new("--out") { Description = "Folder for the traces; made if it does not exist.", Required = true };
        Option<string> name = LiveConform.ClassOption();
        Option<ulong> seed = new("--seed") { Description = "Seed of the first program.", DefaultValueFactory = _ => 1 };
        Option<int> count = new("--count") { Description = "Programs of each class.", DefaultValueFactory = _ => 1 };
        Option<int> steps = new("--steps") { Description = "Steps of a program.", DefaultValueFactory = _ => 60 };
        Command command = new("record", "Execute generated programs on the kernel of this machine and write traces.") { folder, name, seed, count, steps };
        command.SetAction(async (parsed, cancel) =>
        {
            IReadOnlyList<ProgramClass> classes = LiveConform.ClassOf(parsed.GetValue(name)) is { } one ? [one] : ProgramClass.All;
            int programs = LiveConform.Positive("--count", parsed.GetValue(count));
            int length = LiveConform.Positive("--steps", parsed.GetValue(steps));
            string target = LiveConform.OutFolder(parsed.GetRequiredValue(folder));
            MachineReport machine = MachineReport.Read();
            LiveConditions conditions = LiveConditions.Of(machine, LiveConditions.ModelOf(machine.Kernel.Release) ?? KernelProfile.Linux618);
            using LiveComparison live = new(LiveConform.NewProcess(machine), conditions);
            Recording recording = new(live, conditions);
            return await Task.Run(() => Record(host, recording, classes, parsed.GetValue(seed), programs, length, target, cancel), cancel);
        });
        return command;
    }

    private static int Record(
        CommandHost host, Recording recording, IReadOnlyList<ProgramClass> classes, ulong seed, int programs, int steps, string folder, CancellationToken cancel)
    {
        int kept = 0;
        int lost = 0;
        foreach (ProgramClass about in classes)
        {
            for (int i = 0; i < programs; i++)
            {
                cancel.ThrowIfCancellationRequested();
                if (recording.Record(about, seed + (ulong)i, steps, out string? problem) is { } trace)
                {
                    TraceWriter.Write(Path.Combine(folder, trace.Name), trace);
                    kept++;
                }
                else
                {
                    lost++;
                    host.Terminal.WriteStatus(string.Create(CultureInfo.InvariantCulture, $"{about.Name}-{seed + (ulong)i} is not kept: {problem}"));
                }
            }
        }

        host.Terminal.WriteRaw(string.Create(CultureInfo.InvariantCulture, $"{kept} traces in {folder}, {lost} not kept"));
        return lost == 0 ? ExitCode.Done : ExitCode.Failed;
    }
}
