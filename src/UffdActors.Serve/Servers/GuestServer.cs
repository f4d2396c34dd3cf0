using System.Net.Sockets;
using System.Threading.Channels;
using UffdActors.Linux;
using UffdActors.Linux.Peers;

namespace UffdActors.Serve;

/// <summary>
/// Takes hand-overs at a socket and serves each guest until its VMM ends, any number of them at a time and after each other.
/// </summary>
public sealed class GuestServer
{
    // Connections that have not said yet whose they are.
    private const int MostUnknown = 64;

    private readonly UffdRuntime _runtime;
    private readonly HandOverListener _listener;
    private readonly GuestServerOptions _options;
    private readonly Lock _gate = new();
    private readonly Dictionary<int, GuestSession> _sessions = [];
    private readonly HashSet<Task> _tasks = [];
    private readonly CancellationTokenSource _enough = new();
    private readonly Channel<ServeEvent> _events = Channel.CreateUnbounded<ServeEvent>(new() { SingleReader = true });
    private int _unknown;
    private int _last;
    private int _over;

    /// <summary>Makes it.</summary>
    /// <param name="runtime">A runtime of the live world; stays the caller's.</param>
    /// <param name="listener">Where VMMs connect; stays the caller's.</param>
    /// <param name="options">What is served.</param>
    public GuestServer(UffdRuntime runtime, HandOverListener listener, GuestServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(listener);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxSessions, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.MaxSessions, GuestServerOptions.MostSessions);
        (_runtime, _listener, _options) = (runtime, listener, options);
    }

    /// <summary>The sessions that are being served, with their numbers.</summary>
    public IReadOnlyList<(int Number, GuestSession Session)> Sessions
    {
        get
        {
            lock (_gate) return [.. _sessions.Select(s => (s.Key, s.Value))];
        }
    }

    /// <summary>
    /// Serves until it is cancelled, or <see cref="GuestServerOptions.Sessions"/> have ended. Then it leaves the guests that are still
    /// there, as their policy says (<see cref="GuestSession.DisposeAsync"/>). Once only.
    /// </summary>
    public async Task RunAsync(CancellationToken cancel = default)
    {
        using ProcessWatch watch = new();
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancel, _enough.Token);
        Task telling = TellAsync();
        try
        {
            while (true)
            {
                Socket connection;
                try
                {
                    connection = await _listener.AcceptAsync(stop.Token);
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    stop.Token.ThrowIfCancellationRequested();
                    if (e is ObjectDisposedException) throw;
                    Tell(Refused($"A connection cannot be taken: {e.Message}."));
                    await Task.Delay(TimeSpan.FromSeconds(1), _options.HandOver.Time, stop.Token);
                    continue;
                }

                Begin(connection, watch, stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // Asked for.
        }
        finally
        {
            await EndAsync();
            _ = _events.Writer.TryComplete();
            await telling;
        }
    }

    private void Begin(Socket connection, ProcessWatch watch, CancellationToken stop)
    {
        lock (_gate)
        {
            if (_unknown == MostUnknown)
            {
                connection.Dispose();
                Tell(Refused($"{MostUnknown} connections have not handed anything over yet; one more was closed."));
                return;
            }

            _unknown++;
            // Not on this thread, which takes the next.
            Task serving = Task.Run(() => ServeAsync(connection, watch, stop), CancellationToken.None);
            _ = _tasks.Add(serving);
            _ = serving.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    private void Forget(Task serving)
    {
        lock (_gate) _ = _tasks.Remove(serving);
    }

    private async Task ServeAsync(Socket connection, ProcessWatch watch, CancellationToken stop)
    {
        int number;
        GuestSession session;
        try
        {
            (number, session) = await TakeAsync(connection, watch, stop);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        catch (Exception e) when (e is HandOverException or ServeException or UffdException or SyscallException or VmFailedException)
        {
            Tell(Refused(e.Message));
            return;
        }
        finally
        {
            lock (_gate) _unknown--;
        }

        SessionEnd end = await session.Ended;
        lock (_gate) _ = _sessions.Remove(number);
        Tell(new ServeEvent(ServeEventKind.Ended, number, session, end, ""));
        if (Interlocked.Increment(ref _over) == _options.Sessions) await _enough.CancelAsync();
    }

    private async Task<(int Number, GuestSession Session)> TakeAsync(Socket connection, ProcessWatch watch, CancellationToken stop)
    {
        HandOver handOver = await HandOverReceiver.ReceiveAsync(connection, _options.HandOver, stop);
        int number = Interlocked.Increment(ref _last);
        SessionOptions options = _options.Session with
        {
            Observer = note => Tell(new ServeEvent(
                ServeEventKind.Note, number, null, null, note.Message, note.Kind)),
        };
        try
        {
            ThrowIfRefused(handOver);
        }
        catch
        {
            handOver.Dispose();
            throw;
        }

        GuestSession session = await GuestSession.BeginAsync(_runtime, watch, handOver, options, stop);
        lock (_gate) _sessions.Add(number, session);
        Tell(new ServeEvent(ServeEventKind.Began, number, session, null, ""));
        // It may have come behind those that are left at the end.
        if (stop.IsCancellationRequested) await session.DisposeAsync();
        return (number, session);
    }

    private void ThrowIfRefused(HandOver handOver)
    {
        lock (_gate)
        {
            if (_sessions.Count >= _options.MaxSessions)
                throw new HandOverException(
                    $"{_sessions.Count} guests are being served, which are as many as may be; another is refused.");
            foreach ((int number, GuestSession session) in _sessions)
            {
                if (session.ProcessId == 0 || session.ProcessId != handOver.Peer.Id) continue;
                bool overlaps = handOver.Message.Regions.Any(
                    r => session.Message.Regions.Any(s => r.Address < s.End && s.Address < r.End));
                if (overlaps)
                    throw new HandOverException(
                        $"Process {session.ProcessId} hands over memory that session {number} serves already; a guest is "
                            + $"handed over once.");
            }
        }
    }

    private async Task EndAsync()
    {
        Task[] tasks;
        GuestSession[] sessions;
        lock (_gate)
        {
            sessions = [.. _sessions.Values];
            tasks = [.. _tasks];
        }

        await Task.WhenAll(sessions.Select(s => s.DisposeAsync().AsTask()));
        await Task.WhenAll(tasks);
    }

    private static ServeEvent Refused(string message) => new(ServeEventKind.Refused, null, null, null, message);

    private void Tell(ServeEvent what) => _ = _events.Writer.TryWrite(what);

    private async Task TellAsync()
    {
        await foreach (ServeEvent what in _events.Reader.ReadAllAsync()) _options.Observer?.Invoke(what);
    }
}
