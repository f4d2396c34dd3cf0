using System.Diagnostics;
using UffdActors.Pictures.History;
using UffdActors.Pictures.Recording;
using UffdActors.Serve;

namespace UffdActors.Cli.Pictures;

/// <summary>
/// What is kept of a server of guests for pictures: figures of all sessions together, and the memory of the latest few. Safe for any
/// thread.
/// </summary>
/// <param name="recorder">Collects the figures of all.</param>
internal sealed class ServePictures(RunRecorder recorder)
{
    private const int MostMaps = 4;

    private readonly Lock _gate = new();
    private readonly Dictionary<int, (GuestSession Session, RunRecorder Recorder)> _running = [];
    private readonly List<(int Number, RunRecorder Recorder)> _maps = [];
    private readonly long _began = Stopwatch.GetTimestamp();
    private Sums _ended;
    private Sums _now;

    /// <summary>The sessions whose memory is kept, with what has happened to it.</summary>
    public IReadOnlyList<(int Number, RunHistory Run)> Maps
    {
        get
        {
            lock (_gate) return [.. _maps.Select(m => (m.Number, m.Recorder.History()))];
        }
    }

    /// <summary>The server, to be looked at while it serves.</summary>
    public WatchedRun Watched() => new()
    {
        Now = Now,
        Start = () => 0,
        BeforeLook = Look,
        Figures =
        [
            new(FigureNames.Faults, "faults", true, () => _now.Faults),
            new(FigureNames.Demand, "pages", true, () => _now.Content),
            new(FigureNames.DemandZero, "pages", true, () => _now.Zeros),
            new("events", "events", true, () => _now.Events),
            new("bytes read", "bytes", true, () => _now.Bytes),
            new("guests", "guests", false, () => _now.Guests),
            new(FigureNames.Outstanding, "pages", false, () => _now.Outstanding),
        ],
    };

    /// <summary>How it is now, with the memory of the guest that came last.</summary>
    public LiveSnapshot Snapshot(int cells)
    {
        LiveSnapshot all = recorder.Snapshot(cells);
        RunRecorder? latest;
        lock (_gate) latest = _maps.Count == 0 ? null : _maps[^1].Recorder;
        if (latest is null) return all;
        LiveSnapshot guest = latest.Snapshot(cells);
        return all with
        {
            Pages = guest.Pages,
            ReceivedPages = guest.ReceivedPages,
            PageBytes = guest.PageBytes,
            Cells = guest.Cells,
        };
    }

    /// <summary>Takes what has happened.</summary>
    public void Take(ServeEvent what)
    {
        lock (_gate)
        {
            switch (what)
            {
                case { Kind: ServeEventKind.Began, Number: { } number, Session: { } session }:
                    Begin(number, session);
                    break;
                case { Kind: ServeEventKind.Ended, Number: { } number, Session: { } session }:
                    if (_running.Remove(number, out (GuestSession, RunRecorder Recorder) over)) over.Recorder.End();
                    _ended = _ended.With(session.Figures());
                    break;
                case { Kind: ServeEventKind.Refused } or { Kind: ServeEventKind.Note }:
                    recorder.Take(what.Kind.ToString(), what.Number is { } about ? $"session {about}: {what.Message}" : what.Message);
                    break;
            }
        }
    }

    private long Now() => (long)Stopwatch.GetElapsedTime(_began).TotalNanoseconds;

    private void Begin(int number, GuestSession session)
    {
        RunRecorder guest = new();
        long start = session.Vm.Now;
        guest.Begin(new WatchedRun
        {
            Now = () => session.Vm.Now,
            Start = () => start,
            Regions = [.. session.Vm.Regions.Select(r => WatchedRegion.Of(session.Userfault, r))],
            Otherwise = PageCause.Demand,
            Figures = [],
        });
        _running[number] = (session, guest);
        _maps.Add((number, guest));
        if (_maps.Count > MostMaps) _maps.RemoveAt(0);
    }

    private void Look()
    {
        lock (_gate)
        {
            Sums sums = _ended with { Guests = _running.Count };
            foreach ((GuestSession session, RunRecorder guest) in _running.Values)
            {
                sums = sums.With(session.Figures()) with { Outstanding = sums.Outstanding + session.Userfault.Outstanding };
                if (_maps.Any(m => m.Recorder == guest)) guest.Look();
            }

            _now = sums;
        }
    }

    private readonly record struct Sums(long Faults, long Content, long Zeros, long Events, long Bytes, long Guests, long Outstanding)
    {
        public Sums With(SessionFigures figures) => this with
        {
            Faults = Faults + figures.Faults,
            Content = Content + figures.ContentPages,
            Zeros = Zeros + figures.ZeroPages,
            Events = Events + figures.Events,
            Bytes = Bytes + figures.BytesRead,
        };
    }
}
