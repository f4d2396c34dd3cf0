using System.CommandLine;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Emit;
using UffdActors.Explore.Mutants;
using UffdActors.Explore.Reports;
using UffdActors.Explore.Runs;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd replay</c>: makes a run again that <c>uffd explore</c> found.</summary>
internal static class ReplayCommand
{
    public static Command Build(Terminal terminal)
    {
        Argument<string> file = new("FILE") { Description = "Replay file that uffd explore --out wrote." };
        Option<bool> step = TypedOptions.Flag("--step", "Print each step as it is made, and wait for Enter on a terminal.");
        Option<string?> mutants = TypedOptions.Text("--mutants", "FILE.dll", "Assembly of the mutant that the file names.");
        Command command =
            new("replay", "Make a run again that uffd explore found: the same violation, the same trace hash.") { file, step, mutants };
        Option<Named<string>?> emit = TypedOptions.OneOf("--emit", "Write the user-space side of the run as a program instead.", "c");
        Option<string?> output = TypedOptions.Text("--out", "FILE", "With --emit: where to; standard output if it is not given.");
        command.Options.Add(emit);
        command.Options.Add(output);
        command.Validators.Add(result =>
        {
            if (result.Has(output) && !result.Has(emit)) result.AddError("--out needs --emit c: there is nothing else to write.");
        });
        command.Exclude(emit, step, "a program is written, or the run is walked through");
        command.SetAction(parsed =>
        {
            ReplayFile replay = ReplayFile.Read(parsed.GetRequiredValue(file));
            if (parsed.GetValue(emit) is not null)
                return Emit(terminal, replay, parsed.GetRequiredValue(file), parsed.GetValue(output));
            using Explorer explorer = new(MutantOf(replay, parsed.GetValue(mutants))?.Parts);
            SequenceChart chart = new() { OnLine = parsed.GetValue(step) ? line => Show(terminal, line) : null };
            RunResult result = replay.Run(explorer, chart);
            string title = result.Violation is { } violation ? $"{violation.Invariant}: {violation.Sentence}" : "no invariant is broken";
            if (!parsed.GetValue(step)) terminal.WriteRaw(chart.ToText(title));
            else terminal.WriteLine(title);
            terminal.WriteLine(result.Hash.Text == replay.TraceHash
                ? $"trace {result.Hash.Text}, as in the file"
                : $"trace {result.Hash.Text}, not {replay.TraceHash} as in the file: the code under the run is not the same");
            return result.Violation is null ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    private static int Emit(Terminal terminal, ReplayFile replay, string file, string? output)
    {
        using Explorer explorer = new();
        string program;
        try
        {
            program = CProgram.Of(replay, explorer);
        }
        catch (NotExpressibleException e)
        {
            throw CommandException.BadInput($"{file} cannot be written as a C program: {e.Message}.");
        }

        if (output is null)
        {
            terminal.Output.Write(program);
            return ExitCode.Done;
        }

        try
        {
            File.WriteAllText(output, program);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw CommandException.BadInput($"--out {output}: the file cannot be written ({e.Message}).");
        }

        return ExitCode.Done;
    }

    private static Mutant? MutantOf(ReplayFile replay, string? assembly)
    {
        if (replay.Mutant is null)
            return assembly is null
                ? null
                : throw CommandException.BadInput($"--mutants {assembly}: the run is of no mutant; leave it out.");
        if (assembly is null)
            throw CommandException.BadInput($"The run is of the mutant {replay.Mutant}; name its assembly with --mutants.");
        return MutantAssembly.Load(assembly).FirstOrDefault(m => m.Name == replay.Mutant)
            ?? throw CommandException.BadInput($"--mutants {assembly}: there is no mutant {replay.Mutant} in it.");
    }

    private static void Show(Terminal terminal, string line)
    {
        terminal.WriteRaw(line);
        if (terminal.IsInteractive && !Console.IsInputRedirected) _ = Console.ReadLine();
    }
}
