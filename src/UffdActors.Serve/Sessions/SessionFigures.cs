namespace UffdActors.Serve;

/// <summary>Counters of a session.</summary>
public sealed record SessionFigures
{
    /// <summary>Faults, without those that a signal repeated.</summary>
    public required long Faults { get; init; }

    /// <summary>Times that a thread raised a fault again that it waited in, because of a signal; not among the faults.</summary>
    public long Repeats { get; init; }

    /// <summary>Pages, of their regions' sizes, filled on demand with content of the snapshot.</summary>
    public required long ContentPages { get; init; }

    /// <summary>Pages filled on demand with zeros: holes of the files, and what the guest had given back.</summary>
    public required long ZeroPages { get; init; }

    /// <summary>Events read: what the guest gives back, a balloon's pages for one.</summary>
    public required long Events { get; init; }

    /// <summary>Bytes of content that were read for it, from files or out of the cache.</summary>
    public required long BytesRead { get; init; }

    /// <summary>Mean time of a read: its part of a fault, with the wait for what had to be fetched.</summary>
    public required TimeSpan ReadMean { get; init; }

    /// <summary>The longest of them.</summary>
    public required TimeSpan ReadLongest { get; init; }

    /// <summary>Base pages that are absent from the guest.</summary>
    public required long AbsentPages { get; init; }

    /// <summary>Faults, by page, that are worked on now; up to <see cref="SessionOptions.MaxFaults"/>.</summary>
    public required int FaultsInFlight { get; init; }

    /// <summary>What a working set was worth; null without one.</summary>
    public WorkingSetFigures? WorkingSet { get; init; }

    /// <summary>From the hand-over to the moment at which faults are served.</summary>
    public required TimeSpan SetUp { get; init; }

    /// <summary>From the hand-over on.</summary>
    public required TimeSpan Duration { get; init; }
}
