namespace UffdActors.PostCopy.Wire;

/// <summary>
/// The connections of a migration between two losses: one urgent lane, one or more background lanes, each with a reading thread. If one
/// fails, all of them end; the user of the link is notified once.
/// </summary>
internal sealed class Link : IDisposable
{
    private const int PingsInTimeout = 4;
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    private readonly Lane?[] _lanes;
    private readonly List<Thread> _threads = [];
    private readonly Lock _gate = new();
    private readonly TimeSpan _timeout;
    private readonly Action<Link, Exception> _lost;
    private readonly MigrationPlacement? _placement;
    private readonly Timer _pings;
    private readonly ulong[] _contentEnds;
    private readonly SemaphoreSlim _control = new(0);
    private Thread? _urgent;
    private long _heard = -1;
    private int _silent;
    private volatile bool _isLost;

    /// <param name="number">Number of the link, the same on all of its lanes.</param>
    /// <param name="channels">Background lanes.</param>
    /// <param name="timeout">Time without a sign of life of the peer after which the link counts as lost.</param>
    /// <param name="placement">Where the reading threads run; null for anywhere.</param>
    /// <param name="lost">Called once, on any thread, with the reason of its end.</param>
    public Link(ulong number, int channels, TimeSpan timeout, MigrationPlacement? placement, Action<Link, Exception> lost)
    {
        _placement = placement;
        Number = number;
        _lanes = new Lane?[channels + 1];
        _contentEnds = new ulong[channels + 1];
        _timeout = timeout;
        _lost = lost;
        _pings = new Timer(_ => Ping());
    }

    /// <summary>Number of the link.</summary>
    public ulong Number { get; }

    /// <summary>Background lanes.</summary>
    public int Channels => _lanes.Length - 1;

    /// <summary>True once every lane is there.</summary>
    public bool IsWhole => _lanes.All(l => l is not null);

    /// <summary>The urgent lane.</summary>
    public Lane Urgent => _lanes[0]!;

    /// <summary>The background lanes.</summary>
    public IEnumerable<Lane> Background => _lanes.Skip(1).OfType<Lane>();

    /// <summary>Bytes that were sent on all lanes.</summary>
    public long BytesOut => _lanes.Sum(l => l?.BytesOut ?? 0);

    /// <summary>Bytes of content that came on all lanes.</summary>
    public long BytesIn => _lanes.Sum(l => l?.BytesIn ?? 0);

    /// <summary>The urgent lane for 0; one of the background lanes for every other number.</summary>
    public Lane LaneOf(int number) => number == 0 ? _lanes[0]! : _lanes[1 + ((number - 1) % Channels)]!;

    /// <summary>Adds a lane.</summary>
    /// <returns>False if there is one with its number, or the link has ended.</returns>
    public bool TryAdd(Lane lane)
    {
        lock (_gate)
        {
            if (_isLost || lane.Number >= _lanes.Length || _lanes[lane.Number] is not null) return false;
            _lanes[lane.Number] = lane;
            return true;
        }
    }

    /// <summary>Starts the thread that reads a lane.</summary>
    /// <param name="lane">The lane.</param>
    /// <param name="read">Reads until the lane ends, with an exception.</param>
    public void Read(Lane lane, Action<Lane> read)
    {
        Thread thread = new(() =>
        {
            try
            {
                if (_placement is { } place) CpuPlacement.PinCurrentThread(lane.Number == 0 ? place.UrgentCpu : place.BackgroundCpu);
                // Demand does not wait for a CPU behind bulk.
                if (lane.Number > 0) CpuPlacement.MakeCurrentThreadBackground();
                read(lane);
            }
            catch (Exception e)
            {
                Lose(e);
            }
        })
        {
            IsBackground = true,
            Name = lane.Number == 0 ? "uffd-urgent" : $"uffd-lane-{lane.Number}",
        };
        lock (_gate)
        {
            if (_isLost) return;
            _threads.Add(thread);
            if (lane.Number == 0) _urgent = thread;
            thread.Start();
        }
    }

    /// <summary>A background lane sends no more content before the hand-over of an epoch.</summary>
    public void EndContent(int lane, ulong epoch)
    {
        lock (_contentEnds)
        {
            _contentEnds[lane] = epoch;
            Monitor.PulseAll(_contentEnds);
        }
    }

    /// <summary>Waits until every background lane has sent its end of content.</summary>
    /// <exception cref="IOException">The link has ended.</exception>
    public void WaitForContent(ulong epoch)
    {
        lock (_contentEnds)
        {
            while (!_isLost && _contentEnds.Skip(1).Any(e => e != epoch)) _ = Monitor.Wait(_contentEnds);
        }

        if (_isLost) throw new IOException("the link has ended");
    }

    /// <summary>A control frame of this link has been handled; reading of its lane continues.</summary>
    public void ControlTaken() => _control.Release();

    /// <summary>Waits until a control frame has been handled, or the link ends; on a reading thread.</summary>
    public void WaitForControl()
    {
        if (!_isLost) _control.Wait();
    }

    /// <summary>Begins to send pings, and to check that the peer sends frames.</summary>
    public void Watch()
    {
        lock (_gate)
        {
            if (!_isLost) _ = _pings.Change(TimeSpan.Zero, _timeout / PingsInTimeout);
        }
    }

    /// <summary>Ends the link; its user is notified, if it has not been.</summary>
    public void Lose(Exception reason)
    {
        lock (_gate)
        {
            if (_isLost) return;
            _isLost = true;
        }

        Close();
        _lost(this, reason);
    }

    /// <summary>
    /// Ends the link after its last frame, which is on the urgent lane: only that lane is shut down, and the peer's close of it is awaited
    /// for a moment. The end of a lane makes the peer close all of them, and closing a socket with unread bytes resets it, which loses sent
    /// bytes.
    /// </summary>
    public void Finish()
    {
        lock (_gate) _isLost = true;
        _pings.Dispose();
        _ = _control.Release();
        _lanes[0]?.EndSending();
        Thread? urgent;
        lock (_gate) urgent = _urgent;
        _ = urgent?.Join(Farewell);
        Dispose();
    }

    /// <summary>Ends the link without notification, and waits for its threads; not on one of them.</summary>
    public void Dispose()
    {
        lock (_gate) _isLost = true;
        Close();
        Thread[] threads;
        lock (_gate) threads = [.. _threads];
        foreach (Thread thread in threads)
        {
            if (thread != Thread.CurrentThread) thread.Join();
        }
    }

    private void Close()
    {
        _pings.Dispose();
        foreach (Lane? lane in _lanes) lane?.Dispose();
        lock (_contentEnds) Monitor.PulseAll(_contentEnds);
        _ = _control.Release();
    }

    private void Ping()
    {
        long heard = _lanes.Sum(l => l?.Heard ?? 0);
        _silent = heard == _heard ? _silent + 1 : 0;
        _heard = heard;
        if (_silent > PingsInTimeout)
        {
            Lose(new IOException(FormattableString.Invariant($"the peer has sent nothing for {_timeout.TotalSeconds:0.#} s")));
            return;
        }

        try
        {
            Urgent.Send(new FrameHeader { Kind = MessageKind.Ping });
        }
        catch (IOException e)
        {
            Lose(e);
        }
    }
}
