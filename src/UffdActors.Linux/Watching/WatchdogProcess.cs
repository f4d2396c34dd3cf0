using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using UffdActors.Linux.Waiting;
using UffdActors.Watchdog;

namespace UffdActors.Linux.Watching;

/// <summary>
/// The watchdog: this program a second time, as a process that only watches, bound to this one by a pipe. It ends when the pipe does, and
/// that is when it is disposed of, or when this process is gone. What it has to say it writes to this process's standard error.
/// </summary>
internal sealed class WatchdogProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Lazy<Task<string?>> _ready;
    private readonly Timer _look;
    private volatile bool _isEnding;
    private bool _wasStopped;
    private int _isLost;

    private WatchdogProcess(Process process)
    {
        _process = process;
        _ready = new Lazy<Task<string?>>(() => _process.StandardOutput.ReadLineAsync());
        _process.EnableRaisingEvents = true;
        _process.Exited += (_, _) =>
        {
            if (!_isEnding) Lose($"has ended with {_process.ExitCode}");
        };
        _look = new Timer(_ => Look(), null, BetweenLooks, BetweenLooks);
    }

    private static TimeSpan BetweenLooks { get; } = TimeSpan.FromMilliseconds(400);

    /// <summary>It has ended by itself, or has been stopped; the message says so.</summary>
    public event Action<string>? Lost;

    /// <summary>Its process.</summary>
    public int Id => _process.Id;

    /// <summary>True if it does not watch any more.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>Starts it.</summary>
    /// <exception cref="UffdConfigurationException">It cannot be started.</exception>
    public static WatchdogProcess Start(FaultBoard board)
    {
        RequiredCalls.CheckChildren();
        ProcessStartInfo start = Command(
            Environment.ProcessId.ToString(CultureInfo.InvariantCulture), board.Descriptor.ToString(CultureInfo.InvariantCulture));
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        try
        {
            return new WatchdogProcess(Process.Start(start)!);
        }
        catch (Win32Exception e)
        {
            throw new UffdConfigurationException(
                $"uffd.watchdog: {start.FileName} cannot be started ({e.Message}); set uffd.watchdog.deadline = off to run without.", e);
        }
    }

    /// <summary>Completes when the watchdog has started watching.</summary>
    /// <exception cref="UffdConfigurationException">It has ended instead; the reason is on standard error.</exception>
    public async Task ReadyAsync(CancellationToken cancel)
    {
        if (await _ready.Value.WaitAsync(cancel) != "ready")
            throw new UffdConfigurationException(
                "uffd.watchdog: the watchdog does not watch (it says why on standard error); set uffd.watchdog.deadline = off to run "
                    + "without.");
    }

    /// <summary>Ends it, and waits for its end.</summary>
    public async ValueTask DisposeAsync()
    {
        _isEnding = true;
        await _look.DisposeAsync();
        // A stopped process does not notice that its pipe is closed.
        if (KernelTask.IsStopped(Id)) _process.Kill();
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended already.
        }

        try
        {
            await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(5));
        }
        catch (TimeoutException)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    // Must be seen twice in a row: Ctrl-Z stops both processes, and this one may be continued first.
    private void Look()
    {
        if (_isEnding || _isLost == 1) return;
        bool isStopped = KernelTask.IsStopped(Id);
        if (isStopped && _wasStopped)
        {
            Lose("has been stopped (SIGSTOP)");
            // A stopped watchdog watches nothing, and would not notice that this process ends.
            _process.Kill();
        }

        _wasStopped = isStopped;
    }

    private void Lose(string how)
    {
        if (Interlocked.Exchange(ref _isLost, 1) == 0)
            Lost?.Invoke($"The watchdog (process {Id}) {how}: the run goes on unwatched, and a freeze of this process is not noticed.");
    }

    // The same program is started again, because its .NET runtime and libraries are known to be there; see StartupHook.
    private static ProcessStartInfo Command(params IReadOnlyList<string> arguments)
    {
        const string Off = "set uffd.watchdog.deadline = off to run without.";
        // Without the hook the child would be this program a second time.
        if (AppContext.TryGetSwitch("System.StartupHookProvider.IsSupported", out bool supported) && !supported)
            throw new UffdConfigurationException(
                $"uffd.watchdog: this program was built without startup hooks, which the watchdog begins with; build it with "
                    + $"<StartupHookSupport>true</StartupHookSupport> and neither trimmed nor ahead of time, or {Off}");
        ProcessStartInfo start = ThisProgram.Again([WatchdogProgram.Name, .. arguments])
            ?? throw new UffdConfigurationException(
                $"uffd.watchdog: this process was not started by a .NET host, so its program cannot be started again to watch it; {Off}");
        start.Environment["DOTNET_STARTUP_HOOKS"] = WatchdogProgram.Name;
        // The watchdog is small: no server GC, which this program may have set; and no diagnostic sockets in /tmp that would outlive it.
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        return start;
    }
}
