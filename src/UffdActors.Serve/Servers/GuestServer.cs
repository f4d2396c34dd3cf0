using System.Net.Sockets;
using System.Threading.Channels;
using UffdActors.Linux;
using UffdActors.Linux.Peers;
using UffdActors.Serve.Keeping;
using UffdActors.Serve.Servers;

namespace UffdActors.Serve;

/// <summary>
/// Takes hand-overs at a socket and serves each guest until its VMM ends, any number of them at a time and after each other.
/// </summary>
public sealed class GuestServer
{
    // Connections that have not said yet whose they are.
    private const int MostUnknown = 64;

    private readonly UffdRuntime _runtime;
    private readonly HandOverListener? _listener;
    private readonly GuestServerOptions _options;
    private readonly Lock _gate = new();
    private readonly Dictionary<int, GuestSession> _sessions = [];
    private readonly Dictionary<int, TaskCompletionSource> _overs = [];
    private readonly List<LostGuest> _lost = [];
    private readonly HashSet<Task> _tasks = [];
    private readonly CancellationTokenSource _enough = new();
    private readonly Channel<ServeEvent> _events = Channel.CreateUnbounded<ServeEvent>(new() { SingleReader = true });
    private readonly SemaphoreSlim _unknown = new(MostUnknown, MostUnknown);
    private int _last;
    private int _over;

    /// <summary>Makes it.</summary>
    /// <param name="runtime">A runtime of the live world; stays the caller's.</param>
    /// <param name="listener">Where VMMs connect; stays the caller's.</param>
    /// <param name="options">What is served.</param>
    /// <exception cref="ArgumentOutOfRangeException"><see cref="GuestServerOptions.MaxSessions"/> is out of its range.</exception>
    public GuestServer(UffdRuntime runtime, HandOverListener listener, GuestServerOptions options)
        : this(runtime, options)
    {
        ArgumentNullException.ThrowIfNull(listener);
        _listener = listener;
    }

    /// <summary>Makes one for a single connection.</summary>
    internal GuestServer(UffdRuntime runtime, GuestServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxSessions, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.MaxSessions, GuestServerOptions.MostSessions);
        (_runtime, _options) = (runtime, options);
    }

    /// <summary>
    /// Serves a guest of two pages that is made for it, so that the first guest of others does not wait until the code is compiled. Takes
    /// some tenths of a second.
    /// </summary>
    /// <param name="runtime">A runtime of the live world.</param>
    /// <param name="options">How others will be served; that they have a cache or none is all that is looked at.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="ServeException">Its guest is not served.</exception>
    /// <exception cref="UffdException">This machine does not let this process serve faults.</exception>
    public static async Task WarmUpAsync(UffdRuntime runtime, SessionOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(options);
        await ServerWarmUp.RunAsync(runtime, options.Cache is not null, state: null, cancellationToken);
    }

    /// <summary>The sessions that are being served, with their numbers.</summary>
    public IReadOnlyList<(int Number, GuestSession Session)> Sessions
    {
        get
        {
            lock (_gate) return [.. _sessions.Select(s => (s.Key, s.Value))];
        }
    }

    /// <summary>Fills all pages of guests and lets them go; of all guests, or of one.</summary>
    /// <returns>How many were released.</returns>
    /// <exception cref="ServeException">There is no such guest, or one cannot be released; others may have been.</exception>
    internal async Task<int> ReleaseAsync(int? number, CancellationToken cancel)
    {
        (GuestSession Session, Task Over)[] chosen;
        lock (_gate)
        {
            chosen = [.. _sessions.Where(s => number is null || s.Key == number).Select(s => (s.Value, _overs[s.Key].Task))];
        }

        if (chosen.Length == 0 && number is not null) throw new ServeException($"There is no guest {number}.");
        int released = 0;
        await Task.WhenAll(chosen.Select(async guest =>
        {
            GuestSession session = guest.Session;
            try
            {
                await session.ReleaseAsync(cancel);
                // Wait until its record is deleted, and it is not listed.
                await guest.Over;
                _ = Interlocked.Increment(ref released);
            }
            catch (Exception e) when (e is UffdException or VmFailedException or ObjectDisposedException)
            {
                // A guest whose VMM has ended meanwhile needs no pages.
                if (session.HasLostVmm) return;
                throw new ServeException($"The guest of process {session.ProcessId} cannot be released: {e.Message}", e);
            }
        }));
        return released;
    }

    /// <summary>Kills the VMMs of all guests, and waits for their ends.</summary>
    /// <returns>How many there were.</returns>
    internal async Task<int> KillAsync()
    {
        GuestSession[] sessions = [.. Sessions.Select(s => s.Session)];
        await Task.WhenAll(sessions.Select(s => s.KillAsync()));
        return sessions.Length;
    }

    /// <summary>Guests of a predecessor that cannot be served on.</summary>
    internal IReadOnlyList<LostGuest> Lost
    {
        get
        {
            lock (_gate) return [.. _lost];
        }
    }

    /// <summary>
    /// Serves until it is cancelled, or <see cref="GuestServerOptions.Sessions"/> have ended. Then it leaves the guests that are still
    /// there, as their policy says (<see cref="GuestSession.DisposeAsync"/>). Once only.
    /// </summary>
    public Task RunAsync(CancellationToken cancellationToken = default) => RunAsync(AcceptAsync, cancellationToken);

    /// <summary>The same of a connection that has been accepted elsewhere, and no other.</summary>
    internal Task RunAsync(Socket connection, CancellationToken cancel) => RunAsync(
        async (watch, stop) =>
        {
            await _unknown.WaitAsync(stop);
            Begin(() => ServeAsync(connection, watch, stop));
            await Task.Delay(Timeout.InfiniteTimeSpan, _options.HandOver.Time, stop);
        },
        cancel);

    private async Task RunAsync(Func<ProcessWatch, CancellationToken, Task> accept, CancellationToken cancellationToken)
    {
        using ProcessWatch? own = _options.Watch is null ? new ProcessWatch() : null;
        ProcessWatch watch = _options.Watch ?? own!;
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _enough.Token);
        Task telling = TellAsync();
        try
        {
            // Before connections are accepted: the guests of a predecessor sleep until they are served again.
            foreach (KeptGuest kept in _options.Keeper?.Found ?? [])
            {
                _last = Math.Max(_last, kept.Record.Number);
                Begin(() => ResumeAsync(kept, watch, stop.Token));
            }

            await accept(watch, stop.Token);
        }
        catch (OperationCanceledException)
        {
            // The server was told to end.
        }
        finally
        {
            await EndAsync();
            _ = _events.Writer.TryComplete();
            await telling;
        }
    }

    private async Task AcceptAsync(ProcessWatch watch, CancellationToken stop)
    {
        while (true)
        {
            Socket connection;
            // Many that come at once wait in the socket's queue; one that is closed here would be a guest that sleeps for ever.
            await _unknown.WaitAsync(stop);
            try
            {
                connection = await _listener!.AcceptAsync(stop);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                _ = _unknown.Release();
                stop.ThrowIfCancellationRequested();
                if (e is ObjectDisposedException) throw;
                Tell(Refused($"A connection cannot be taken: {e.Message}."));
                await Task.Delay(TimeSpan.FromSeconds(1), _options.HandOver.Time, stop);
                continue;
            }

            Begin(() => ServeAsync(connection, watch, stop));
        }
    }

    private void Begin(Func<Task> serve)
    {
        lock (_gate)
        {
            // On the pool: this thread accepts the next connection.
            Task serving = Task.Run(serve, CancellationToken.None);
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
        (int Number, GuestSession Session, KeptGuest? Kept)? taken;
        try
        {
            taken = await TakeAsync(connection, watch, stop);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        catch (Exception e) when (IsRefusal(e))
        {
            Tell(Refused(e.Message));
            return;
        }
        finally
        {
            _ = _unknown.Release();
        }

        if (taken is var (number, session, kept)) await ServeToEndAsync(number, session, kept);
    }

    private async Task ServeToEndAsync(int number, GuestSession session, KeptGuest? kept)
    {
        SessionEnd end = await session.Ended;
        if (end == SessionEnd.LeftFrozen) kept?.Dispose();
        else kept?.Forget();
        TaskCompletionSource over;
        lock (_gate)
        {
            _ = _sessions.Remove(number);
            _ = _overs.Remove(number, out over!);
        }

        Tell(new ServeEvent(ServeEventKind.Ended, number, session, end, ""));
        over.SetResult();
        if (Interlocked.Increment(ref _over) == _options.Sessions) await _enough.CancelAsync();
    }

    private static bool IsRefusal(Exception e) =>
        e is HandOverException or ServeException or UffdException or SyscallException or VmFailedException;

    // Null if the guest is served already and its VMM has only connected again.
    private async Task<(int Number, GuestSession Session, KeptGuest? Kept)?> TakeAsync(
        Socket connection, ProcessWatch watch, CancellationToken stop)
    {
        HandOver handOver = await HandOverReceiver.ReceiveAsync(
            connection, _options.HandOver with { OnRefusal = _options.Session.OnFailure }, stop);
        if (await TryReattachAsync(handOver, stop)) return null;
        int number = Interlocked.Increment(ref _last);
        KeptGuest? kept = null;
        try
        {
            // Refused without effect on the guest, which is served already.
            ThrowIfServed(handOver);
            Settle(handOver, () =>
            {
                ThrowIfRefused();
                kept = _options.Keeper?.Keep(number, handOver);
            });
        }
        catch
        {
            handOver.Dispose();
            throw;
        }

        GuestSession session;
        try
        {
            session = await GuestSession.BeginAsync(_runtime, watch, handOver, OptionsOf(number, kept), stop);
        }
        catch (OperationCanceledException)
        {
            kept?.Dispose();
            throw;
        }
        catch
        {
            kept?.Forget();
            throw;
        }

        Update(kept, handOver);
        await AddAsync(number, session, stop);
        return (number, session, kept);
    }

    // Without it a successor registers the regions anew, which is right unless the VMM has mapped something else there meanwhile.
    private void Update(KeptGuest? kept, HandOver handOver)
    {
        try
        {
            kept?.Update(handOver);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string message = $"What is kept of the guest could not be brought up to date: {e.Message}";
            Tell(new ServeEvent(ServeEventKind.Note, kept!.Record.Number, null, null, message, SessionNoteKind.Warning));
        }
    }

    private SessionOptions OptionsOf(int number, KeptGuest? kept) => _options.Session with
    {
        Keep = kept,
        Overlay = _options.ReadOverlay?.Invoke() ?? _options.Session.Overlay,
        Observer = note => Tell(new ServeEvent(ServeEventKind.Note, number, null, null, note.Message, note.Kind)),
    };

    private async Task AddAsync(int number, GuestSession session, CancellationToken stop)
    {
        lock (_gate)
        {
            _sessions.Add(number, session);
            _overs.Add(number, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        Tell(new ServeEvent(ServeEventKind.Began, number, session, null, ""));
        // It may have been added after the others were left.
        if (stop.IsCancellationRequested) await LeaveAsync(session);
    }

    private Task LeaveAsync(GuestSession session) =>
        _options.Keeper is { } keeper ? session.LeaveAsync(keeper.HoldsDescriptors) : session.DisposeAsync().AsTask();

    // A guest that a predecessor has served.
    private async Task ResumeAsync(KeptGuest kept, ProcessWatch watch, CancellationToken stop)
    {
        int number = kept.Record.Number;
        GuestSession session;
        try
        {
            if (kept.Record.Files.Select(f => f.Flaw()).FirstOrDefault(f => f is not null) is { } flaw) throw new ServeException(flaw);
            HandOver handOver = kept.TakeBack();
            session = await GuestSession.BeginAsync(_runtime, watch, handOver, OptionsOf(number, kept), stop);
            Update(kept, handOver);
        }
        catch (OperationCanceledException)
        {
            kept.Dispose();
            return;
        }
        catch (Exception e) when (IsRefusal(e))
        {
            await LoseAsync(kept, e, watch, stop);
            return;
        }

        await AddAsync(number, session, stop);
        await ServeToEndAsync(number, session, kept);
    }

    private async Task LoseAsync(KeptGuest kept, Exception reason, ProcessWatch watch, CancellationToken stop)
    {
        LostGuest lost = new(kept, reason.Message, _options.Session.OnFailure);
        lock (_gate) _lost.Add(lost);
        Tell(new ServeEvent(ServeEventKind.Note, lost.Number, null, null, lost.Message, lost.Act()));
        try
        {
            await lost.EndAsync(watch, stop);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        finally
        {
            lock (_gate) _ = _lost.Remove(lost);
        }
    }

    private async Task<bool> TryReattachAsync(HandOver handOver, CancellationToken stop)
    {
        (int Number, GuestSession Session) known = Sessions.FirstOrDefault(s => s.Session.IsSameGuest(handOver));
        if (known.Session is null) return false;
        try
        {
            await known.Session.ReattachAsync(handOver, stop);
        }
        catch
        {
            handOver.Dispose();
            throw;
        }

        Tell(new ServeEvent(
            ServeEventKind.Note, known.Number, null, null, "The VMM has connected again; its guest is served as before.",
            SessionNoteKind.Warning));
        return true;
    }

    // The policy is applied to a refused guest before its descriptors are closed.
    private void Settle(HandOver handOver, Action take)
    {
        try
        {
            take();
        }
        catch (Exception e) when (IsRefusal(e))
        {
            throw new HandOverException(
                e.Message + RefusedGuest.Settle(handOver.Peer, handOver.Userfaultfd, _options.Session.OnFailure), e);
        }
    }

    private void ThrowIfRefused()
    {
        if (_options.Admit?.Invoke() is { } reason) throw new HandOverException(reason);
        lock (_gate)
        {
            if (_sessions.Count >= _options.MaxSessions)
                throw new HandOverException(
                    $"{_sessions.Count} guests are being served, which are as many as may be; another is refused.");
        }
    }

    private void ThrowIfServed(HandOver handOver)
    {
        lock (_gate)
        {
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

        await Task.WhenAll(sessions.Select(LeaveAsync));
        await Task.WhenAll(tasks);
    }

    private static ServeEvent Refused(string message) => new(ServeEventKind.Refused, null, null, null, message);

    private void Tell(ServeEvent what) => _ = _events.Writer.TryWrite(what);

    private async Task TellAsync()
    {
        await foreach (ServeEvent what in _events.Reader.ReadAllAsync()) _options.Observer?.Invoke(what);
    }
}
