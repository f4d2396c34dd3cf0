using System.Runtime.InteropServices;

namespace UffdActors.Cli.Hosting;

/// <summary>
/// Ctrl-C and SIGTERM. The first signal asks the command for an orderly end; one that has not ended a moment later (it waits in
/// code of a module, or computes) is ended by <see cref="ImmediateEnd"/>. So is at once one that gets a second signal.
/// </summary>
internal sealed class Interruption : IDisposable
{
    // With the end of the process, within a second of the signal.
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(800);
    // Reached only if standard error is not read, or on a machine that is overloaded.
    private static readonly TimeSpan LineDeadline = TimeSpan.FromSeconds(10);

    private readonly Terminal _terminal;
    private readonly CancellationTokenSource _stop = new();
    private readonly ManualResetEventSlim _never = new();
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;
    private static volatile bool _isTheWayToEnd;

    private int _exitCode = ExitCode.Interrupted;
    private int? _ended;
    private bool _isStopping;

    public Interruption(Terminal terminal)
    {
        _terminal = terminal;
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
    }

    /// <summary>
    /// Says that the command is one that a signal ends and nothing else: a daemon. Its exit code is <see cref="ExitCode.Done"/> then, by
    /// force too: a service manager takes any other for a failure, and nothing that it has begun is lost.
    /// </summary>
    public static void IsTheWayToEnd() => _isTheWayToEnd = true;

    /// <summary>Runs a command.</summary>
    /// <returns>What the process ends with: 128 and the signal's number where the command says that it was interrupted.</returns>
    public async Task<int> RunAsync(Func<CancellationToken, Task<int>> command)
    {
        int code = await command(_stop.Token);
        if (code == ExitCode.Interrupted) code = _exitCode;
        _ended = code;
        return code;
    }

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
    }

    private int CodeByForce => _ended ?? (_isTheWayToEnd ? ExitCode.Done : _exitCode);

    private void Stop(PosixSignalContext signal)
    {
        signal.Cancel = true;
        if (Interlocked.Exchange(ref _isStopping, true))
        {
            ImmediateEnd.With(CodeByForce);
            return;
        }

        _exitCode = signal.Signal == PosixSignal.SIGTERM ? ExitCode.Terminated : ExitCode.Interrupted;
        // A thread of its own: all threads of the pool may be blocked, and so may the callbacks of the cancellation.
        new Thread(EndAsItIs) { IsBackground = true, Name = "interruption" }.Start();
        _stop.Cancel();
    }

    private void EndAsItIs()
    {
        _ = _never.Wait(Grace);
        ImmediateEnd.LeaveNothing();
        if (_ended is null && !_isTheWayToEnd)
        {
            // Standard error may be a pipe that is not read.
            Thread line = new(() => _terminal.WriteInterrupted(CommandFailures.Interrupted)) { IsBackground = true };
            line.Start();
            _ = line.Join(LineDeadline);
        }

        ImmediateEnd.With(CodeByForce);
    }
}
