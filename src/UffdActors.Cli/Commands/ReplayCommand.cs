using System.CommandLine;
using UffdActors.Explore;
using UffdActors.Explore.Mutants;
using UffdActors.Explore.Reports;
using UffdActors.Explore.Worlds;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd replay</c>: makes a run again that <c>uffd explore</c> found.</summary>
internal static class ReplayCommand
{
    public static Command Build(CommandHost host)
    {
        Argument<string> file = new("FILE") { Description = "Replay file that uffd explore --out wrote." };
        Option<bool> step = new("--step") { Description = "Print each step as it is made, and wait for Enter on a terminal." };
        Option<string> mutants = new("--mutants") { Description = "Assembly of the mutant that the file names." };
        Command command = new("replay", "Make a run again that uffd explore found: the same violation, the same trace hash.") { file, step, mutants };
        command.SetAction(parsed =>
        {
            ReplayFile replay = ReplayFile.Read(parsed.GetRequiredValue(file));
            using Explorer explorer = new(MutantOf(replay, parsed.GetValue(mutants))?.Parts);
            SequenceChart chart = new() { OnLine = parsed.GetValue(step) ? line => Show(host.Terminal, line) : null };
            RunResult result = replay.Run(explorer, chart);
            string title = result.Violation is { } violation ? $"{violation.Invariant}: {violation.Sentence}" : "no invariant is broken";
            if (!parsed.GetValue(step)) host.Terminal.WriteRaw(chart.ToText(title));
            else host.Terminal.WriteRaw(title);
            host.Terminal.WriteRaw(result.Hash.Text == replay.TraceHash
                ? $"trace {result.Hash.Text}, as in the file"
                : $"trace {result.Hash.Text}, not {replay.TraceHash} as in the file: the code under the run is not the same");
            return result.Violation is null ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    private static Mutant? MutantOf(ReplayFile replay, string? assembly)
    {
        if (replay.Mutant is null) return null;
        if (assembly is null) throw CommandException.BadInput($"The run is of the mutant {replay.Mutant}; name its assembly with --mutants.");
        return MutantAssembly.Load(assembly).FirstOrDefault(m => m.Name == replay.Mutant)
            ?? throw CommandException.BadInput($"--mutants {assembly}: there is no mutant {replay.Mutant} in it.");
    }

    private static void Show(Terminal terminal, string line)
    {
        terminal.WriteRaw(line);
        if (terminal.IsInteractive && !Console.IsInputRedirected) _ = Console.ReadLine();
    }
}
