namespace UffdActors.Stress.Guest;

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
