using System.Threading.Channels;

namespace UffdActors.Failures;

/// <summary>Incidents of a VM as a bounded stream; when it is full, the oldest are dropped and counted.</summary>
internal sealed class IncidentLog
{
    private readonly Channel<Incident> _channel;
    private long _dropped;

    public IncidentLog(int capacity = 256) => _channel = Channel.CreateBounded<Incident>(
        new BoundedChannelOptions(capacity) { FullMode = BoundedChannelFullMode.DropOldest },
        _ => Interlocked.Increment(ref _dropped));

    /// <summary>The stream.</summary>
    public ChannelReader<Incident> Reader => _channel.Reader;

    /// <summary>Incidents that were not read in time.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Called with each before it can be read; on the thread that reports.</summary>
    public Action<Incident>? Observer { get; set; }

    public void Report(Incident incident)
    {
        Observer?.Invoke(incident);
        _ = _channel.Writer.TryWrite(incident);
    }

    public void Complete() => _ = _channel.Writer.TryComplete();
}
