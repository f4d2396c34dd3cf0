using System.CommandLine;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Recorder.Execution;

namespace UffdActors.Cli.Commands;

/// <summary>The child process in which <c>conform --live</c> and <c>record</c> execute programs.</summary>
internal static class ProgramServerCommand
{
    public const string Name = "program-server";

    public static Command Build()
    {
        Option<int> cpu = TypedOptions.Number("--cpu", "N", "CPU on which everything runs.", 0, 0, int.MaxValue);
        Command command = new(Name, "Executes programs of another process of this program.") { cpu };
        command.Hidden = true;
        command.SetAction((parsed, cancel) =>
        {
            ParentWatch.Start();
            ProgramServer.Serve(Console.In, Console.Out, parsed.GetValue(cpu), cancel);
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }
}
