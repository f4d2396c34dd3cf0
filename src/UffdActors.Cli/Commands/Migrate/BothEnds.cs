using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Pictures;
using UffdActors.Watchdog;

namespace UffdActors.Cli.Commands.Migrate;

/// <summary>Both ends of a migration, each in a process of its own; what they say is written behind their names.</summary>
/// <param name="terminal">Where it is written.</param>
/// <param name="isDrawn">The receiving end draws on the terminal.</param>
/// <param name="cpus">CPU of what a fault waits for, and CPU of all the rest, to which this process belongs; null for anywhere.</param>
internal sealed class BothEnds(Terminal terminal, bool isDrawn = false, IReadOnlyList<int>? cpus = null)
{
    private const int NameWidth = 8;
    private const int LooksThatCount = 2;
    private const string TemporaryFiles = "TMPDIR";

    // A process that a signal has ended has this and the signal as its exit code.
    private const int SignalBase = 128;

    // What both ends say of the hand-over, on standard error.
    private const string RunsThere = "receive: the guest runs here";
    private const string HasLeft = "send: the guest runs at the destination";
    private const string Interrupted = $"uffd: {CommandFailures.Interrupted}";
    private const string Doubt = "it is not known whether it runs there, so it does not run here";

    // This process is itself ended by force 0.8 s after its signal.
    private static readonly TimeSpan OrderlyEnd = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan ForcedEnd = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(400);

    /// <summary>Runs both to their end.</summary>
    /// <param name="both">Options of both.</param>
    /// <param name="send">Options of the sending end.</param>
    /// <param name="receive">Options of the receiving end.</param>
    /// <param name="cancel">Ends both.</param>
    /// <returns>Exit code of the sending end, or if that is 0 of the receiving end; 1 if either was killed.</returns>
    public async Task<int> RunAsync(
        IReadOnlyList<string> both, IReadOnlyList<string> send, IReadOnlyList<string> receive, CancellationToken cancel)
    {
        using TemporaryFolder folder = TemporaryFolder.Create("uffd-migrate-");
        string uri = $"unix:{folder.At("wire")}";
        both = [WireOptions.EndsWith, Environment.ProcessId.ToString(CultureInfo.InvariantCulture), .. both];
        using Process to = Start(["migrate", "receive", uri, .. both, .. receive], folder.Path, hasTerminal: isDrawn);
        using Process from = Start(["migrate", "send", uri, .. both, .. send], folder.Path, hasTerminal: false);
        // The ends refuse a CPU that there is not.
        if (cpus is [_, var rest] && CpuPlacement.IsAvailable(rest)) CpuPlacement.PinProcess(rest);
        TaskCompletionSource interrupted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration stop = cancel.Register(() => interrupted.SetResult());
        Task stopped = StopAsync(interrupted.Task, from, to);
        // Lines are held back while one end draws on the terminal, so that they are not drawn over.
        HeldLines held = new(terminal, isDrawn);
        GuestPlace place = GuestPlace.Here;
        ConcurrentQueue<string> interruptions = [];
        Task tell = held.WhileAsync(async () =>
        {
            await Task.WhenAll(ShowAsync(from, "send", held, Note), ShowAsync(to, "receive", held, Note));
            return true;
        });
        await using ITimer looks = WatchForStops(held, ("send", from), ("receive", to));
        Task left = from.WaitForExitAsync(CancellationToken.None);
        Task came = to.WaitForExitAsync(CancellationToken.None);
        // A receiver that was killed, or never listened, has sent its source nothing, which would go on trying to connect.
        bool isReceiverFirst = await Task.WhenAny(left, came) == came
            && to.ExitCode is ExitCode.BadInput or ExitCode.Unsupported or > SignalBase;
        if (isReceiverFirst) await EndAsync(from);
        await left;
        // Without its source a receiver that has no guest waits for the next one.
        if (from.ExitCode != ExitCode.Done) await EndAsync(to);
        await came;
        await tell;
        if (cancel.IsCancellationRequested) await stopped;
        cancel.ThrowIfCancellationRequested();
        foreach (string line in interruptions) terminal.WriteStatus(line);
        if (isReceiverFirst && IsKilled(to)) return Killed(to, "receiving", WithoutReceiver(place));
        if (!isReceiverFirst && IsKilled(from)) return Killed(from, "sending", WithoutSender(place));
        // The other one was killed for it.
        if (isReceiverFirst) return to.ExitCode;
        return from.ExitCode != ExitCode.Done ? from.ExitCode : to.ExitCode;

        // Read to the end of both before anything is made of it.
        bool Note(string line)
        {
            // Ctrl-C reaches the ends as well, and is told of once.
            if (line == Interrupted) interruptions.Enqueue(line);
            else if (line is RunsThere or HasLeft) place = GuestPlace.There;
            else if (line.EndsWith(Doubt, StringComparison.Ordinal) && place == GuestPlace.Here) place = GuestPlace.InDoubt;
            return line != Interrupted;
        }
    }

    private static bool IsKilled(Process process) =>
        process.ExitCode > SignalBase && process.ExitCode is not (ExitCode.Interrupted or ExitCode.Terminated);

    private static string WithoutSender(GuestPlace place) => place == GuestPlace.There
        ? "the guest ran at the receiving end, and its pages that had not come are lost"
        : "the guest had not left it, and is lost";

    private static string WithoutReceiver(GuestPlace place) => place switch
    {
        GuestPlace.Here => "the guest had not left the sending end, and was ended there",
        GuestPlace.InDoubt => "the guest was handed over, and it is not known whether it ran there; what it did there is lost",
        _ => "the guest ran there, and what it did there is lost",
    };

    private int Killed(Process process, string name, string what)
    {
        terminal.WriteError(string.Create(
            CultureInfo.InvariantCulture,
            $"the {name} end was killed (signal {process.ExitCode - SignalBase}): {what}. Both ends have ended, and neither runs it."));
        return ExitCode.Failed;
    }

    // An end that has been told why the other gives up reports that before it ends.
    private static async Task EndAsync(Process process)
    {
        using CancellationTokenSource late = new(LastWords);
        try
        {
            await process.WaitForExitAsync(late.Token);
        }
        catch (OperationCanceledException)
        {
            Kill(process);
        }
    }

    // To its peer one that is stopped is a link without signs of life, which may be a cable. Must be seen twice in a row: Ctrl-Z stops this
    // process too, and it may be continued first.
    private static ITimer WatchForStops(HeldLines held, params (string Name, Process Process)[] ends)
    {
        var stopped = new int[ends.Length];
        Lock gate = new();
        return TimeProvider.System.CreateTimer(_ => Look(), null, BetweenLooks, BetweenLooks);

        void Look()
        {
            lock (gate)
            {
                foreach ((int i, (string name, Process process)) in ends.Index())
                {
                    int looks = !process.HasExited && KernelTask.IsStopped(process.Id) ? stopped[i] + 1 : 0;
                    if (looks == LooksThatCount)
                        held.Tell(string.Create(
                            CultureInfo.InvariantCulture,
                            $"{name}: process {process.Id} has been stopped (SIGSTOP); the other end waits for it (kill -CONT "
                                + $"{process.Id})"));
                    else if (looks == 0 && stopped[i] >= LooksThatCount && !process.HasExited)
                        held.Tell($"{name}: the process goes on");
                    stopped[i] = looks;
                }
            }
        }
    }

    // Both are told before either is waited for.
    private static async Task StopAsync(Task interrupted, params Process[] ends)
    {
        await interrupted;
        foreach (TimeSpan patience in new[] { OrderlyEnd, ForcedEnd })
        {
            foreach (Process end in ends) ProcessSignal.Send(end, ProcessSignal.Terminate);
            using CancellationTokenSource late = new(patience);
            try
            {
                await Task.WhenAll(ends.Select(e => e.WaitForExitAsync(late.Token)));
                return;
            }
            catch (OperationCanceledException)
            {
                // The second signal ends them at once, unless they are stopped.
            }
        }

        foreach (Process end in ends) Kill(end);
    }

    // What an end that is killed leaves among the temporary files is in this folder, and goes with it.
    private Process Start(IReadOnlyList<string> arguments, string folder, bool hasTerminal)
    {
        ProcessStartInfo start = OwnProcess.With(arguments);
        start.Environment[TemporaryFiles] = folder;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = !hasTerminal;
        // Each of its lines is written behind the name of the end.
        if (terminal.Columns is { } columns)
            start.Environment["COLUMNS"] = (columns - NameWidth - 1).ToString(CultureInfo.InvariantCulture);
        return Process.Start(start)!;
    }

    private static Task ShowAsync(Process process, string name, HeldLines held, Func<string, bool> note) => Task.WhenAll(
        CopyAsync(process.StandardOutput, line => held.TellResult(line.Length == 0 ? line : $"{name,-NameWidth} {line}")),
        process.StartInfo.RedirectStandardError ? CopyAsync(process.StandardError, line =>
        {
            if (note(line)) held.Tell(line);
        }) : Task.CompletedTask);

    private static async Task CopyAsync(StreamReader from, Action<string> write)
    {
        while (await from.ReadLineAsync() is { } line) write(line);
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }

    // Where the guest was, as far as the ends have said.
    private enum GuestPlace
    {
        Here,
        InDoubt,
        There,
    }
}
