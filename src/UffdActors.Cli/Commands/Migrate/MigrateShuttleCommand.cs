using System.CommandLine;
using Akka.Configuration;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Torture;
using UffdActors.Kvm;
using UffdActors.PostCopy;

namespace UffdActors.Cli.Commands.Migrate;

/// <summary>One of the two processes of <c>uffd migrate torture --guest kvm --moves</c>.</summary>
internal static class MigrateShuttleCommand
{
    public static Command Build(Terminal terminal)
    {
        Option<string> here = TypedOptions.Required("--here", "URI", "Where it listens.");
        Option<string> there = TypedOptions.Required("--there", "URI", "Where it sends to.");
        Option<int> moves = TypedOptions.Number("--moves", "N", "Migrations in both directions.", 1, 1, int.MaxValue);
        Option<ulong> seed = TypedOptions.Number("--seed", "N", "Seed.", 1UL, 0UL, ulong.MaxValue);
        Option<bool> begins = TypedOptions.Flag("--begins", "The first guest starts here.");
        Option<int> parent = TypedOptions.Number(WireOptions.EndsWith, "N", "Process that it ends with.", 0, 0, int.MaxValue);
        Command command = new("shuttle", "Sends guests to another process and takes them back.")
        {
            here, there, moves, seed, begins, parent,
        };
        command.Hidden = true;
        command.SetAction(async (parsed, cancel) =>
        {
            if (parsed.GetValue(parent) is > 0 and var process) ParentWatch.Start(process);
            await using KvmHost kvm = KvmHost.Start();
            return await UffdRuntime.UseAsync(ConfigurationFactory.ParseString("uffd.world = live"), async runtime =>
            {
                Shuttle shuttle = new(
                    runtime, kvm, MigrationAddress.Parse(parsed.GetValue(here)!), MigrationAddress.Parse(parsed.GetValue(there)!),
                    terminal.WriteRaw);
                try
                {
                    await shuttle.RunAsync(parsed.GetValue(seed), parsed.GetValue(moves), parsed.GetValue(begins), cancel);
                    return ExitCode.Done;
                }
                catch (TortureException e)
                {
                    throw new CommandException(ExitCode.Failed, e.Message, e);
                }
            });
        });
        return command;
    }
}
