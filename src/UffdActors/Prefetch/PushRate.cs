namespace UffdActors.Prefetch;

/// <summary>
/// Holds a background push back to so many bytes a second. What is asked for is owed, and time pays; only what is owed is waited for, so an
/// idle time is not saved up. Pages on demand do not pass here.
/// </summary>
internal sealed class PushRate
{
    private long _bytesPerSecond;
    private double _owed;
    private long _paidAt;

    /// <summary>Bytes a second; 0 for as fast as it goes. Any thread may change it.</summary>
    public long BytesPerSecond
    {
        get => Volatile.Read(ref _bytesPerSecond);
        set => Volatile.Write(ref _bytesPerSecond, value);
    }

    /// <summary>Bytes are asked for.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="now">Nanoseconds of the VM's clock.</param>
    public void Spend(long bytes, long now)
    {
        Pay(now);
        if (BytesPerSecond > 0) _owed += bytes;
    }

    /// <summary>Bytes that were asked for turned out not to be sent: pages of zeros.</summary>
    public void Refund(long bytes) => _owed = Math.Max(0, _owed - bytes);

    /// <summary>How long nothing more may be asked for.</summary>
    /// <param name="now">Nanoseconds of the VM's clock.</param>
    public TimeSpan Wait(long now)
    {
        Pay(now);
        long rate = BytesPerSecond;
        return rate <= 0 || _owed <= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Min(_owed / rate, 1));
    }

    private void Pay(long now)
    {
        long rate = BytesPerSecond;
        if (rate <= 0) _owed = 0;
        else _owed = Math.Max(0, _owed - (rate * ((now - _paidAt) / 1e9)));
        _paidAt = now;
    }
}
