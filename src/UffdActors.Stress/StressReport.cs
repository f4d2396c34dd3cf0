using UffdActors.Stress.Guest;

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

/// <summary>What a run came to.</summary>
internal sealed record StressReport
{
    /// <summary>What was asked for.</summary>
    public required StressOptions Options { get; init; }

    /// <summary>What it ran on.</summary>
    public required VmPlace Place { get; init; }

    /// <summary>Dispatcher of the ring.</summary>
    public required string Dispatcher { get; init; }

    /// <summary>Pages could be, and were, write-protected.</summary>
    public required bool WriteProtect { get; init; }

    /// <summary>There is swap, so that paging out takes pages away.</summary>
    public required bool HasSwap { get; init; }

    /// <summary>It was asked to stop before its time was over.</summary>
    public required bool Interrupted { get; init; }

    /// <summary>What happened.</summary>
    public required StressSnapshot Totals { get; init; }

    /// <summary>How often each oracle was asked.</summary>
    public required IReadOnlyList<(StressOracle Oracle, long Times)> Checks { get; init; }

    /// <summary>What did not hold; null if everything did.</summary>
    public required StressViolation? Violation { get; init; }

    /// <summary>What the run must have exercised: below that, nothing broken says nothing.</summary>
    public IReadOnlyList<StressFloor> Floors
    {
        get
        {
            List<StressFloor> floors =
            [
                new("faults", 1, Totals.Faults),
                // The last check of a round compares every page.
                new("pages compared in full", (long)Totals.Rounds * Options.Pages, Totals.WholePages),
            ];
            if (Options.Vcpus > 1) floors.Add(new("locks found taken", 1, Totals.Contended));
            if (Options.EexistRate > 0) floors.Add(new("fills that raced (EEXIST)", 1, Totals.Eexist));
            return floors;
        }
    }

    /// <summary>At least one round was checked to its end, everything held, and enough was exercised for that to mean something.</summary>
    public bool Passed => Violation is null && Totals.Rounds > 0 && Floors.All(f => f.IsMet);
}

/// <summary>Something that a run must have exercised.</summary>
/// <param name="What">What was counted.</param>
/// <param name="Least">How often it must have come.</param>
/// <param name="Met">How often it came.</param>
internal sealed record StressFloor(string What, long Least, long Met)
{
    /// <summary>It came often enough.</summary>
    public bool IsMet => Met >= Least;
}
