using System.CommandLine;
using System.Globalization;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Programs;
using UffdActors.Linux.Machine;
using UffdActors.Model;
using UffdActors.Recorder.Comparison;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd record</c>: what generated programs show on the kernel of this machine, as traces.</summary>
internal static class RecordCommand
{
    public static Command Build(Terminal terminal)
    {
        Option<string> folder = TypedOptions.Required("--out", "DIR", "Folder for the traces; made if it does not exist.");
        Option<Named<ProgramClass>?> name = LiveConform.ClassOption();
        Option<ulong> seed = TypedOptions.Number("--seed", "N", "Seed of the first program.", 1UL, 0UL, ulong.MaxValue);
        Option<int> count = TypedOptions.Number("--count", "N", "Programs of each class.", 1, 1, int.MaxValue);
        Option<int> steps = TypedOptions.Number("--steps", "N", "Steps of a program.", 60, 1, int.MaxValue);
        Command command = new("record", "Execute generated programs on the kernel of this machine and write traces.") { folder, name, seed,
            count, steps };
        command.SetAction(async (parsed, cancel) =>
        {
            IReadOnlyList<ProgramClass> classes = parsed.GetValue(name) is { } one ? [one.Value] : ProgramClass.All;
            int programs = parsed.GetValue(count);
            int length = parsed.GetValue(steps);
            string target = LiveConform.OutFolder(parsed.GetRequiredValue(folder));
            MachineReport machine = MachineReport.Read();
            LiveConditions conditions =
                LiveConditions.Of(machine, LiveConditions.ModelOf(machine.Kernel.Release) ?? KernelProfile.Linux618);
            using LiveComparison live = new(LiveConform.NewProcess(machine), conditions);
            Recording recording = new(live, conditions);
            return await Task.Run(
                () => Record(terminal, recording, classes, parsed.GetValue(seed), programs, length, target, cancel), cancel);
        });
        return command;
    }

    private static int Record(
        Terminal terminal, Recording recording, IReadOnlyList<ProgramClass> classes, ulong seed, int programs, int steps, string folder,
        CancellationToken cancel)
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
                    terminal.WriteStatus(
                        string.Create(CultureInfo.InvariantCulture, $"{about.Name}-{seed + (ulong)i} is not kept: {problem}"));
                }
            }
        }

        terminal.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kept} traces in {folder}, {lost} not kept"));
        return lost == 0 ? ExitCode.Done : ExitCode.Failed;
    }
}
