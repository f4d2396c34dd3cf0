namespace UffdActors.Stress;

/// <summary>How far a run is.</summary>
internal sealed record StressSnapshot
{
    /// <summary>Since the first round.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Rounds that have ended.</summary>
    public int Rounds { get; init; }

    /// <summary>What the round under way is at.</summary>
    public string Phase { get; init; } = "";

    /// <summary>Visits of vCPUs to pages that have ended.</summary>
    public long Visits { get; init; }

    /// <summary>Visits that found the page's lock taken.</summary>
    public long Contended { get; init; }

    /// <summary>Faults that were read, without repeats.</summary>
    public long Faults { get; init; }

    /// <summary>Times that a thread raised a fault again that it waited in already, because of a signal.</summary>
    public long Repeats { get; init; }

    /// <summary>Pages that are being resolved.</summary>
    public int Outstanding { get; init; }

    /// <summary>Age of the access that has been under way longest.</summary>
    public TimeSpan OldestTouch { get; init; }

    /// <summary>Fills that met EEXIST, of handlers and racing resolvers.</summary>
    public long Eexist { get; init; }

    /// <summary>Fills that met EAGAIN.</summary>
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

    /// <summary>Pages that were taken away.</summary>
    public long PageDrops { get; init; }

    /// <summary>Events raised beside the guest.</summary>
    public long ChangeBursts { get; init; }

    /// <summary>Pages that were write-protected.</summary>
    public long Protections { get; init; }

    /// <summary>Times that a few pages were asked to be paged out.</summary>
    public long PageOuts { get; init; }

    /// <summary>Pages that were compared from their first byte to their last after a lap, and were right.</summary>
    public long WholePages { get; init; }

    /// <summary>Garbage collections.</summary>
    public int Collections { get; init; }
}
