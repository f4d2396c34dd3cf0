namespace UffdActors.Stress.Guest;

/// <summary>What must hold, whatever is injected.</summary>
internal enum StressOracle
{
    /// <summary>At most one vCPU has the lock of a page.</summary>
    Exclusion,

    /// <summary>The counter of a page is the number of increments made under its lock since the page was last given back.</summary>
    Counter,

    /// <summary>A vCPU's lane of a page is the number of its own increments there since the page was last given back.</summary>
    Lane,

    /// <summary>A page that was not given back never reads as zeros.</summary>
    ZeroPage,

    /// <summary>A page that was given back never shows what it held before.</summary>
    OldBytes,

    /// <summary>No page is torn: the three copies of its counter agree under its lock.</summary>
    WholePage,

    /// <summary>
    /// At the end of a lap every byte of every present page is what the ledger says, and an absent page was never touched.
    /// </summary>
    FinalBytes,

    /// <summary>Every access ends within the deadline.</summary>
    Liveness,

    /// <summary>The VM reports nothing but what was injected: no refused fill, no page given up, no actor that failed.</summary>
    Incidents,
}
