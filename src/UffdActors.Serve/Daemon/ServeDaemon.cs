using System.Diagnostics;
using System.Reflection;
using UffdActors.Linux.Peers;
using UffdActors.Serve.Daemon;
using UffdActors.Serve.Keeping;
using UffdActors.Serve.Servers;

namespace UffdActors.Serve;

/// <summary>
/// Serves the guests of any number of sessions, each with a socket and a memory file of its own, and is told over a control socket what to
/// do (CONTROL.md). What a successor needs is on disk, and descriptors are with the service manager: so this process can end at any moment
/// (SIGKILL too), and the next one goes on with every guest, which sleeps meanwhile if it touches an absent page.
/// </summary>
/// <remarks>Safe for any thread.</remarks>
public sealed class ServeDaemon : IAsyncDisposable
{
    private const string SessionEnding = ".session.json";
    private const string WarmUp = "warm-up";
    private readonly UffdRuntime _runtime;
    private readonly DaemonOptions _options;
    private readonly StateFolder _folder;
    private readonly ServiceManager _manager;
    private readonly ProcessWatch _watch = new();
    private readonly ControlListener _control;
    private readonly ContentCache? _cache;
    private Heartbeat? _heartbeat;
    private HealthServer? _health;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, DaemonSession> _sessions = new(StringComparer.Ordinal);
    private readonly long _begun = Stopwatch.GetTimestamp();
    private int _takenBack;
    private long _ended;
    private long _refused;
    private WorkingSetFigures? _endedSets;
    private bool _isLeft;

    private ServeDaemon(
        UffdRuntime runtime, DaemonOptions options, StateFolder folder, ServiceManager manager, ControlListener control)
    {
        _runtime = runtime;
        _options = options;
        _folder = folder;
        _manager = manager;
        _control = control;
        _cache = options.CacheBytes is { } bytes ? new ContentCache(bytes) : null;
    }

    /// <summary>Path of the control socket.</summary>
    public string Control => _options.Control;

    /// <summary>
    /// Starts a daemon: takes the state folder, goes on with the sessions and guests of a predecessor, and begins the sessions of its
    /// options that are new.
    /// </summary>
    /// <param name="runtime">A runtime of the live world; stays the caller's.</param>
    /// <param name="options">Where, and what.</param>
    /// <exception cref="ServeException">It cannot; the message says what to do.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number of the options is out of its range.</exception>
    /// <exception cref="UffdException">This machine does not let this process serve faults.</exception>
    public static async Task<ServeDaemon> StartAsync(UffdRuntime runtime, DaemonOptions options)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxSessions, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxGuests, 1);
        if (options.CacheBytes is { } cache)
            ArgumentOutOfRangeException.ThrowIfLessThan(cache, ContentCache.MinBytes, nameof(options));
        foreach (SessionSpec spec in options.Sessions) spec.ThrowIfWrong();
        StateFolder folder = StateFolder.Open(options.State);
        ServiceManager? manager = null;
        ServeDaemon? daemon = null;
        try
        {
            OwnFolder.Make(Path.GetDirectoryName(Path.GetFullPath(options.Control))!, "Folder of the control socket");
            // Before any socket is there: what this machine does not allow is told here, and no guest waits until the code is compiled. One
            // of a predecessor sleeps already.
            bool hasCache = options.CacheBytes is not null;
            if (!KeptGuest.AreIn(folder)) await ServerWarmUp.RunAsync(runtime, hasCache, folder.Of(WarmUp), CancellationToken.None);
            ControlListener control = ControlListener.Open(options.Control);
            manager = ServiceManager.OfThisProcess();
            if (manager.Trouble is { } trouble) options.Log?.Invoke(trouble);
            daemon = new ServeDaemon(runtime, options, folder, manager, control);
            daemon.TakeBack();
            await daemon.CreateMissingAsync();
            control.Start(daemon);
            if (options.Http is { } where) daemon._health = HealthServer.Open(where, daemon.Answer);
            daemon._heartbeat = new Heartbeat(manager, TimeProvider.System, () => _ = daemon.Status());
            if (options.TellsReady) manager.Tell("READY=1\nSTATUS=serving");
            return daemon;
        }
        catch
        {
            if (daemon is not null)
            {
                await daemon.DisposeAsync();
            }
            else
            {
                manager?.Dispose();
                folder.Dispose();
            }

            throw;
        }
    }

    /// <summary>What it says of itself.</summary>
    public DaemonStatus Status()
    {
        DaemonSession[] sessions = Sessions();
        return new DaemonStatus(
            Environment.ProcessId,
            typeof(ServeDaemon).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "",
            _folder.Path, (long)Stopwatch.GetElapsedTime(_begun).TotalNanoseconds, sessions.Length, sessions.Sum(s => s.Guests),
            sessions.Sum(s => s.Lost), Volatile.Read(ref _takenBack), Interlocked.Read(ref _ended), Interlocked.Read(ref _refused),
            WorkingSetFigures.Sum([Volatile.Read(ref _endedSets), .. sessions.Select(s => s.WorkingSets)]), _manager.KeepsDescriptors);
    }

    /// <summary>Its sessions and their guests.</summary>
    /// <param name="session">Name of one of them; null for all.</param>
    /// <param name="withFigures">With the figures of each guest.</param>
    /// <exception cref="ServeException">There is no such session.</exception>
    public IReadOnlyList<SessionStatus> List(string? session = null, bool withFigures = false) =>
        [.. (session is null ? Sessions() : [Find(session)]).Select(s => s.Status(withFigures))];

    /// <summary>Begins a session.</summary>
    /// <exception cref="ServeException">It cannot be; the message says why.</exception>
    public async Task<SessionStatus> CreateAsync(SessionSpec spec, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(spec);
        spec.ThrowIfWrong();
        await _turn.WaitAsync(cancellationToken);
        try
        {
            lock (_gate)
            {
                if (_isLeft) throw new ServeException("The daemon is ending, and begins no session.");
                if (_sessions.ContainsKey(spec.Session))
                    throw new ServeException($"There is a session \"{spec.Session}\" already; close it first, or use another name.");
                if (_sessions.Count >= _options.MaxSessions)
                    throw new ServeException($"There are {_sessions.Count} sessions, which are as many as may be (max-sessions).");
            }

            // What would refuse every guest is found before the first.
            SnapshotWorkingSet? workingSet = spec.OpenWorkingSet();
            _ = GuestSession.Measure(spec.Options with { Overlay = spec.ReadOverlay() });
            HandOverListener listener = HandOverListener.Open(spec.Socket, spec.Mode);
            try
            {
                _folder.Write(spec.Session + SessionEnding, spec);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                listener.Dispose();
                throw new ServeException($"State folder \"{_folder.Path}\" cannot be written to ({e.Message.TrimEnd('.')}).", e);
            }

            return Begin(spec, listener, [], workingSet).Status(withFigures: false);
        }
        finally
        {
            _ = _turn.Release();
        }
    }

    /// <summary>Fills all pages of a session's guests and ends their registrations: they run on without this process.</summary>
    /// <param name="session">Name of the session.</param>
    /// <param name="guest">Number of one of its guests; null for all of them.</param>
    /// <param name="cancellationToken">Stops it: guests that were not done with are served on.</param>
    /// <returns>Guests that were released.</returns>
    /// <exception cref="ServeException">There is none such, or one cannot be released.</exception>
    public Task<int> DrainAsync(string session, int? guest = null, CancellationToken cancellationToken = default) =>
        Find(session).DrainAsync(guest, cancellationToken);

    /// <summary>Ends a session for good.</summary>
    /// <param name="session">Name of the session.</param>
    /// <param name="kill">Kill the VMMs of its guests; else a session that has guests is not closed.</param>
    /// <param name="cancellationToken">Cancels it, if it has not begun.</param>
    /// <returns>VMMs that were killed.</returns>
    /// <exception cref="ServeException">There is none such, or it has guests.</exception>
    public async Task<int> CloseAsync(string session, bool kill = false, CancellationToken cancellationToken = default)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            DaemonSession closed = Find(session);
            if (!kill && closed.Guests + closed.Lost > 0)
                throw new ServeException(
                    $"Session \"{session}\" has {closed.Guests} guests, and {closed.Lost} that are lost; drain it first, or have their "
                        + $"VMMs killed.");
            int killed = kill ? await closed.KillAsync() : 0;
            lock (_gate) _ = _sessions.Remove(session);
            await closed.CloseAsync();
            _folder.Delete(session + SessionEnding);
            return killed;
        }
        finally
        {
            _ = _turn.Release();
        }
    }

    /// <summary>
    /// Ends it. Its guests are left to a successor: they sleep at their next absent page, until it serves them. One whose userfaultfd
    /// nobody else holds is killed, for it would read zeros.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        await _turn.WaitAsync();
        try
        {
            DaemonSession[] sessions;
            lock (_gate)
            {
                if (_isLeft) return;
                _isLeft = true;
                sessions = [.. _sessions.Values];
                _sessions.Clear();
            }

            if (_options.TellsReady) _manager.Tell("STOPPING=1");
            await _control.DisposeAsync();
            if (_heartbeat is not null) await _heartbeat.DisposeAsync();
            if (_health is not null) await _health.DisposeAsync();
            await Task.WhenAll(sessions.Select(s => s.LeaveAsync()));
            _cache?.Dispose();
            _watch.Dispose();
            _manager.Dispose();
            _folder.Dispose();
        }
        finally
        {
            _ = _turn.Release();
        }
    }

    // 503 while a guest is asleep because it cannot be served: it needs an operator.
    private (int Code, string Type, string Body) Answer(string path)
    {
        IReadOnlyList<SessionStatus> sessions = List(withFigures: path == "/metrics");
        switch (path)
        {
            case "/healthz":
                int asleep = sessions.Sum(s => s.Guests.Count(g => g.State is GuestState.Frozen or GuestState.Lost));
                return asleep == 0 ? (200, "text/plain", "ok\n") : (503, "text/plain", $"{asleep} guests cannot be served on.\n");
            case "/metrics":
                return (200, MetricsText.Type, MetricsText.Of(Status(), sessions, _cache?.Figures()));
            default:
                return (404, "text/plain", "There are /healthz and /metrics.\n");
        }
    }

    private void TakeBack()
    {
        ILookup<string, KeptGuest> guests = KeptGuest.Find(_folder, _manager, Log).ToLookup(g => g.Record.Session);
        HashSet<string> names = [];
        foreach (string file in _folder.Names(SessionEnding))
        {
            try
            {
                SessionSpec spec = _folder.Read<SessionSpec>(file, s =>
                {
                    s.ThrowIfWrong();
                    if (file != s.Session + SessionEnding) throw new ServeException($"it is of session \"{s.Session}\"");
                });
                HandOverListener listener = _manager.Take(DaemonSession.ListenerName(spec.Session)) is { } socket
                    ? HandOverListener.Of(spec.Socket, socket)
                    : HandOverListener.Open(spec.Socket, spec.Mode);
                KeptGuest[] found = [.. guests[spec.Session]];
                _takenBack += found.Length;
                _ = names.Add(spec.Session);
                _ = Begin(spec, listener, found, WorkingSetOf(spec));
            }
            catch (ServeException e)
            {
                Log($"A session of an earlier process cannot go on: {e.Message}");
            }
        }

        foreach (KeptGuest orphan in guests.Where(g => !names.Contains(g.Key)).SelectMany(g => g))
        {
            Log($"Guest {orphan.Record.Number} of session \"{orphan.Record.Session}\" has no session any more, and sleeps.");
            orphan.Dispose();
        }
    }

    // Guests come all the same.
    private SnapshotWorkingSet? WorkingSetOf(SessionSpec spec)
    {
        try
        {
            return spec.OpenWorkingSet();
        }
        catch (ServeException e)
        {
            Log($"Session \"{spec.Session}\" goes on without a working set: {e.Message}");
            return null;
        }
    }

    private async Task CreateMissingAsync()
    {
        foreach (SessionSpec spec in _options.Sessions)
        {
            DaemonSession? known;
            lock (_gate) known = _sessions.GetValueOrDefault(spec.Session);
            if (known is null) _ = await CreateAsync(spec);
            else if (!known.Spec.IsSame(spec))
                Log($"Session \"{spec.Session}\" goes on as it was, which is not as it is configured now; close it to begin it anew.");
        }
    }

    private DaemonSession Begin(
        SessionSpec spec, HandOverListener listener, IReadOnlyList<KeptGuest> found, SnapshotWorkingSet? workingSet)
    {
        GuestKeeper keeper = new(_folder, _manager, spec.Session, spec.Files, found, _options.StoreIsPreserved);
        DaemonSession begun = new(
            _runtime, spec, listener, _manager, keeper, _watch, _options, _cache, workingSet, Admit, what => Take(spec.Session, what));
        lock (_gate) _sessions.Add(spec.Session, begun);
        if (begun.Advice is { } advice) Log($"Session \"{spec.Session}\": {advice}");
        return begun;
    }

    private void Take(string session, ServeEvent what)
    {
        if (what.Kind == ServeEventKind.Refused) _ = Interlocked.Increment(ref _refused);
        if (what.Kind == ServeEventKind.Ended)
        {
            _ = Interlocked.Increment(ref _ended);
            lock (_gate) _endedSets = WorkingSetFigures.Sum([_endedSets, what.Session?.Figures().WorkingSet]);
        }

        _options.Observer?.Invoke(session, what);
    }

    private string? Admit()
    {
        int guests = Sessions().Sum(s => s.Guests);
        return guests < _options.MaxGuests
            ? null
            : $"{guests} guests are being served, which are as many as this daemon may have (max-guests); another is refused.";
    }

    private DaemonSession[] Sessions()
    {
        lock (_gate) return [.. _sessions.Values.OrderBy(s => s.Spec.Session, StringComparer.Ordinal)];
    }

    private DaemonSession Find(string session)
    {
        lock (_gate)
        {
            return _sessions.TryGetValue(session, out DaemonSession? found)
                ? found
                : throw new ServeException($"There is no session \"{Dialects.LayoutReader.Shown(session)}\".");
        }
    }

    private void Log(string sentence) => _options.Log?.Invoke(sentence);
}
