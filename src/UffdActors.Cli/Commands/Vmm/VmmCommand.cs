using System.CommandLine;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Commands.Vmm;

/// <summary><c>uffd vmm</c>: a prototype of a VMM, whose KVM guest runs on memory that this runtime serves.</summary>
internal static class VmmCommand
{
    public static Command Build(Terminal terminal)
    {
        Command command = new("vmm", "Run a KVM guest on memory that is served page by page.");
        command.Subcommands.Add(VmmRunCommand.Build(terminal));
        command.Subcommands.Add(VmmMigrateCommand.Build(terminal));
        command.Subcommands.Add(VmmSnapshotCommand.Build(terminal));
        command.Subcommands.Add(VmmRestoreCommand.Build(terminal));
        command.Subcommands.Add(VmmCloneCommand.Build(terminal));
        return command;
    }
}
