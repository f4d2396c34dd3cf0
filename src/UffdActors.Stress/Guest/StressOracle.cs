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

    /// <summary>The parts of a page are of one moment: the three copies of its counter agree under its lock.</summary>
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

/// <summary>The sentences of the oracles.</summary>
internal static class StressOracles
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<StressOracle> All { get; } = Enum.GetValues<StressOracle>();

    /// <summary>What an oracle holds, in one sentence.</summary>
    public static string SentenceOf(StressOracle oracle) => oracle switch
    {
        StressOracle.Exclusion => "at most one vCPU has the lock of a page",
        StressOracle.Counter => "a page's counter is the number of increments under its lock since it was last given back",
        StressOracle.Lane => "a vCPU's lane of a page is the number of its own increments there since then",
        StressOracle.ZeroPage => "a page that was not given back never reads as zeros",
        StressOracle.OldBytes => "a page that was given back never shows what it held before",
        StressOracle.WholePage => "the three copies of a page's counter agree under its lock",
        StressOracle.FinalBytes =>
            "after every lap each byte of a present page is what the ledger says, and an absent page was not touched",
        StressOracle.Liveness => "every access ends within the deadline",
        _ => "the VM reports nothing but what was injected",
    };
}

/// <summary>Something did not hold.</summary>
/// <param name="Oracle">What.</param>
/// <param name="Message">One sentence: page, place, what was expected, what came.</param>
/// <param name="Page">Page; null if it is not about one.</param>
/// <param name="Details">Lines that show who waited on what; empty if it is not about that.</param>
internal sealed record StressViolation(StressOracle Oracle, string Message, long? Page, IReadOnlyList<string> Details);
