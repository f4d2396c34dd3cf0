namespace UffdActors.PostCopy.Migration;

/// <summary>
/// The background pushes of the destination, a push a region, steered as one. What is set before they begin applies to them from their
/// start. Any thread may call.
/// </summary>
internal sealed class DestinationPushes
{
    private readonly List<BackgroundPush> _pushes = [];
    private long? _rate;
    private bool _isPaused;

    /// <summary>Those that have begun.</summary>
    public IReadOnlyList<BackgroundPush> All
    {
        get
        {
            lock (_pushes) return [.. _pushes];
        }
    }

    /// <summary>Bytes a second of each, at most; 0 for as fast as it goes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The rate is negative.</exception>
    public long BytesPerSecond
    {
        get
        {
            lock (_pushes) return _rate ?? (_pushes.Count > 0 ? _pushes[0].BytesPerSecond : 0);
        }

        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            lock (_pushes)
            {
                _rate = value;
                foreach (BackgroundPush push in _pushes) push.BytesPerSecond = value;
            }
        }
    }

    /// <summary>Pauses them, until <see cref="Resume"/>.</summary>
    public void Pause()
    {
        lock (_pushes)
        {
            _isPaused = true;
            foreach (BackgroundPush push in _pushes) push.Pause();
        }
    }

    /// <summary>Goes on after <see cref="Pause"/>.</summary>
    public void Resume()
    {
        lock (_pushes)
        {
            _isPaused = false;
            foreach (BackgroundPush push in _pushes) push.Resume();
        }
    }

    /// <summary>
    /// How the next one begins: at the rate that is set, and paused if they are. Pages of zeros take no memory before they are touched.
    /// </summary>
    public PrefetchOptions Begin(PrefetchOptions options)
    {
        lock (_pushes)
            return options with { BytesPerSecond = _rate ?? options.BytesPerSecond, StartsPaused = _isPaused, KeepsHoles = true };
    }

    /// <summary>Adds one that has begun as <see cref="Begin"/> says. What was set since then applies to it from here on.</summary>
    public void Add(BackgroundPush push)
    {
        lock (_pushes)
        {
            _pushes.Add(push);
            if (_rate is { } rate) push.BytesPerSecond = rate;
            if (_isPaused) push.Pause();
            else push.Resume();
        }
    }

    /// <summary>Waits until every page of every region is there.</summary>
    public async Task WaitAsync(CancellationToken cancel)
    {
        foreach (BackgroundPush push in All) await push.WaitAsync(cancel);
    }
}
