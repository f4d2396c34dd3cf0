namespace UffdActors.Stress;

/// <summary>Progress of a run.</summary>
internal sealed record StressSnapshot
{
    /// <summary>Since the first round.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Rounds that have ended.</summary>
    public int Rounds { get; init; }

    /// <summary>Phase of the round under way.</summary>
    public string Phase { get; init; } = "";

    /// <summary>Visits of vCPUs to pages that have ended.</summary>
    public long Visits { get; init; }

    /// <summary>Visits that found the page's lock taken.</summary>
    public long Contended { get; init; }

    /// <summary>Faults that were read, without repeats.</summary>
    public long Faults { get; init; }

    /// <summary>Faults that a waiting thread raised again because of a signal.</summary>
    public long Repeats { get; init; }

    /// <summary>Pages that are being resolved.</summary>
    public int Outstanding { get; init; }

    /// <summary>Age of the access that has been under way longest.</summary>
    public TimeSpan OldestTouch { get; init; }

    /// <summary>Fills that got EEXIST, of handlers and racing resolvers.</summary>
    public long Eexist { get; init; }

    /// <summary>Fills that got EAGAIN.</summary>
    public long Eagain { get; init; }

    /// <summary>Pages that racing resolvers have filled.</summary>
    public long RacerFills { get; init; }

    /// <summary>Crashes of handlers.</summary>
    public long HandlerCrashes { get; init; }

    /// <summary>Answers of the source that came late.</summary>
    public long SourceDelays { get; init; }

    /// <summary>Answers of the source that came twice.</summary>
    public long SourceDuplicates { get; init; }

    /// <summary>Failures of the source.</summary>
    public long SourceFailures { get; init; }

    /// <summary>Pages that were dropped.</summary>
    public long PageDrops { get; init; }

    /// <summary>Events raised beside the guest.</summary>
    public long ChangeBursts { get; init; }

    /// <summary>Pages that were write-protected.</summary>
    public long Protections { get; init; }

    /// <summary>Calls of MADV_PAGEOUT over a few pages.</summary>
    public long PageOuts { get; init; }

    /// <summary>Pages that were compared in full after a lap, and were right.</summary>
    public long WholePages { get; init; }

    /// <summary>Garbage collections.</summary>
    public int Collections { get; init; }
}
