using UffdActors.Linux.Peers;
using UffdActors.Serve.Keeping;

namespace UffdActors.Serve.Daemon;

/// <summary>A session of a daemon: its socket, and the server of its guests. Owns both.</summary>
internal sealed class DaemonSession
{
    private readonly HandOverListener _listener;
    private readonly ServiceManager _manager;
    private readonly GuestServer _server;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    /// <summary>Begins it.</summary>
    public DaemonSession(
        UffdRuntime runtime, SessionSpec spec, HandOverListener listener, ServiceManager manager, GuestKeeper keeper, ProcessWatch watch,
        DaemonOptions options, ContentCache? cache, SnapshotWorkingSet? workingSet, Func<string?> admit, Action<ServeEvent> observer)
    {
        Spec = spec;
        _listener = listener;
        _manager = manager;
        _manager.Keep(ListenerName(spec.Session), listener.Descriptor);
        _server = new GuestServer(runtime, listener, new GuestServerOptions
        {
            Session = spec.Options with { Cache = cache, WorkingSet = workingSet },
            ReadOverlay = spec.Overlay.Count == 0 ? null : spec.ReadOverlay,
            HandOver = options.HandOver,
            MaxSessions = spec.MaxGuests,
            Keeper = keeper,
            Watch = watch,
            Admit = admit,
            Observer = observer,
        });
        _running = _server.RunAsync(_stop.Token);
    }

    /// <summary>What it is.</summary>
    public SessionSpec Spec { get; }

    /// <summary>A sentence if users other than its own can enter the socket's folder; else null.</summary>
    public string? Advice => _listener.Advice;

    /// <summary>Guests that are served.</summary>
    public int Guests => _server.Sessions.Count;

    /// <summary>Guests of a predecessor that cannot be served on.</summary>
    public int Lost => _server.Lost.Count;

    /// <summary>How well the working set predicted what its guests touched; null without one.</summary>
    public WorkingSetFigures? WorkingSets => WorkingSetFigures.Sum(_server.Sessions.Select(s => s.Session.Figures().WorkingSet));

    /// <summary>Name under which a session's listening socket is kept.</summary>
    public static string ListenerName(string session) => session + ".listener";

    /// <summary>How its guests are.</summary>
    public SessionStatus Status(bool withFigures) => new(
        Spec,
        [
            .. _server.Sessions.OrderBy(s => s.Number).Select(s => new GuestStatus(
                s.Number, s.Session.ProcessId, StateOf(s.Session), s.Session.Message.Dialect, s.Session.Message.Bytes,
                s.Session.VmmKeepsCopy, s.Session.IsTakenBack, withFigures ? GuestFigures.Of(s.Session.Figures()) : null, null)),
            .. _server.Lost.Select(l => new GuestStatus(
                l.Number, l.ProcessId, GuestState.Lost, null, null, null, true, null, l.Message)),
        ]);

    /// <summary>Fills all pages of guests and lets them go.</summary>
    public Task<int> DrainAsync(int? guest, CancellationToken cancel) => _server.ReleaseAsync(guest, cancel);

    /// <summary>Kills the VMMs of its guests.</summary>
    public Task<int> KillAsync() => _server.KillAsync();

    /// <summary>Ends it: nobody connects any more, and the guests that are there are left to a successor.</summary>
    public async Task LeaveAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _listener.Leave();
        _stop.Dispose();
    }

    /// <summary>Ends it for good. It has no guests.</summary>
    public async Task CloseAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _listener.Dispose();
        _manager.Forget(ListenerName(Spec.Session));
        _stop.Dispose();
    }

    private static GuestState StateOf(GuestSession session) =>
        session.IsFrozen ? GuestState.Frozen : session.IsReleasing ? GuestState.Draining : GuestState.Serving;
}
