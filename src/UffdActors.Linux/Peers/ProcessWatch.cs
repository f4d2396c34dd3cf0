using UffdActors.Linux.Native;
using UffdActors.Linux.Waiting;

namespace UffdActors.Linux.Peers;

/// <summary>
/// Tells when processes end: one thread sleeps in poll(2) on all of their pidfds, so nothing is looked at again and again, and an end is
/// told at once, however many are watched.
/// </summary>
/// <remarks>Safe for any thread.</remarks>
public sealed class ProcessWatch : IDisposable
{
    private const ulong Wake = 0;

    private readonly Lock _gate = new();
    private readonly EventSignal _signal = new();
    private readonly Dictionary<ulong, Watched> _watched = [];
    private readonly List<(ulong Key, Watched Watched)> _come = [];
    private readonly List<ulong> _gone = [];
    private ulong _last = Wake;
    private bool _isDisposed;

    /// <summary>Starts the thread.</summary>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public ProcessWatch() => new Thread(Run) { IsBackground = true, Name = "uffd-process-watch" }.Start();

    /// <summary>Waits until a process has ended.</summary>
    /// <param name="process">The process; must not be disposed of before this has returned.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ObjectDisposedException">The watch has been disposed of, before or meanwhile.</exception>
    public async Task EndOfAsync(PeerProcess process, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(process);
        cancellationToken.ThrowIfCancellationRequested();
        Watched watched = new(process.Handle, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        bool isHeld = false;
        // The thread polls the number: it must not become another descriptor's before it is out of the set.
        process.Handle.DangerousAddRef(ref isHeld);
        ulong key;
        lock (_gate)
        {
            if (_isDisposed)
            {
                process.Handle.DangerousRelease();
                throw new ObjectDisposedException(nameof(ProcessWatch));
            }

            key = ++_last;
            _come.Add((key, watched));
            _signal.Set();
        }

        using (cancellationToken.Register(() => Forget(key))) await watched.Ended.Task;
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Ends the thread. Calls that wait end with <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed) return;
            _isDisposed = true;
            _signal.Set();
        }
    }

    private void Forget(ulong key)
    {
        lock (_gate)
        {
            if (_isDisposed) return;
            _gone.Add(key);
            _signal.Set();
        }
    }

    private void Run()
    {
        using PollSet poll = new();
        poll.Add(_signal.Handle, Wake);
        ulong[] keys = new ulong[64];
        while (true)
        {
            int found = poll.WaitReadable(keys, Timeout.InfiniteTimeSpan);
            for (int i = 0; i < found; i++)
            {
                if (keys[i] != Wake) End(poll, keys[i], null);
            }

            lock (_gate)
            {
                _ = _signal.Reset();
                foreach ((ulong key, Watched watched) in _come)
                {
                    _watched.Add(key, watched);
                    poll.Add(watched.Process, key);
                }

                _come.Clear();
                foreach (ulong key in _gone) End(poll, key, null);
                _gone.Clear();
                if (!_isDisposed) continue;
                foreach (ulong key in _watched.Keys.ToArray()) End(poll, key, new ObjectDisposedException(nameof(ProcessWatch)));
                _signal.Dispose();
                return;
            }
        }
    }

    private void End(PollSet poll, ulong key, Exception? error)
    {
        if (!_watched.Remove(key, out Watched? watched)) return;
        poll.Remove(watched.Process);
        watched.Process.DangerousRelease();
        if (error is null) _ = watched.Ended.TrySetResult();
        else _ = watched.Ended.TrySetException(error);
    }

    private sealed record Watched(FileHandle Process, TaskCompletionSource Ended);
}
