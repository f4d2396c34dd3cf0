namespace UffdActors;

/// <summary>The hops of a fault, between two stations that it passed.</summary>
internal static class FaultHops
{
    private static readonly (string Name, Func<FaultTrace, long> From, Func<FaultTrace, long> To)[] Hops =
    [
        ("raised to read", t => t.Raised, t => t.Read),
        ("read to requested", t => t.Read, t => t.Requested),
        ("requested to data", t => t.Requested, t => t.Data),
        ("data to installed", t => t.Data, t => t.Installed),
        ("installed to woken", t => t.Installed, t => t.Woken),
        ("woken to resumed", t => t.Woken, t => t.Resumed),
    ];

    /// <summary>Number of hops.</summary>
    public static int Count => Hops.Length;

    /// <summary>Name of a hop.</summary>
    public static string NameOf(int hop) => Hops[hop].Name;

    /// <summary>Time of a hop; null if the fault did not pass both stations in this order.</summary>
    public static long? NanosecondsOf(FaultTrace trace, int hop)
    {
        ArgumentNullException.ThrowIfNull(trace);
        long from = Hops[hop].From(trace);
        long to = Hops[hop].To(trace);
        return from == 0 || to < from ? null : to - from;
    }
}
