using System.Collections.Concurrent;
using Akka.Configuration;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Reports;
using UffdActors.Serve;

namespace UffdActors.Cli.Commands.Serve;

/// <summary><c>uffd serve --config FILE</c>: a daemon, until a signal comes.</summary>
internal sealed class DaemonRun(Terminal terminal)
{
    private readonly ConcurrentDictionary<string, ServeText> _texts = new();

    public async Task<int> RunAsync(string file, CancellationToken cancel)
    {
        DaemonConfig config = DaemonConfig.Read(file);
        Interruption.IsTheWayToEnd();
        await using UffdRuntime runtime =
            UffdRuntime.Start(ConfigurationFactory.ParseString("uffd.world = live").WithFallback(config.Runtime));
        await using ServeDaemon daemon = await ServeDaemon.StartAsync(runtime, config.Options with
        {
            Observer = (session, what) => _texts.GetOrAdd(session, s => new ServeText(terminal, FailurePolicy.Freeze, s)).Write(what),
            Log = sentence => terminal.WriteError(sentence),
        });
        DaemonStatus status = daemon.Status();
        terminal.WriteLine(
            $"serving {Figures.Count(status.Sessions, "session", "sessions")}, {Figures.Count(status.TakenBack, "guest", "guests")} of an "
                + $"earlier process; control socket {daemon.Control}, state in {status.State}");
        TaskCompletionSource stop = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using (cancel.Register(() => stop.TrySetResult())) await stop.Task;
        int left = daemon.Status().Guests;
        await daemon.DisposeAsync();
        terminal.WriteLine($"{Figures.Count(left, "guest is", "guests are")} left to the next daemon with this state folder");
        // That is how a daemon ends.
        return ExitCode.Done;
    }
}
