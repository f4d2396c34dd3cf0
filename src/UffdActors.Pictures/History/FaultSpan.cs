using UffdActors.Abi;

namespace UffdActors.Pictures.History;

/// <summary>
/// A fault of a vCPU, hop by hop. Stations in nanoseconds since the run began; 0 for one that it did not pass. Every station that was
/// passed is above 0.
/// </summary>
/// <param name="Vcpu">vCPU.</param>
/// <param name="Page">Page of the guest, counted over all regions; -1 if it is in none that is watched.</param>
/// <param name="Address">Address.</param>
/// <param name="Flags">Why it faulted.</param>
/// <param name="Raised">The vCPU raised it.</param>
/// <param name="Read">The reader took it.</param>
/// <param name="Requested">The handler asked the source.</param>
/// <param name="Data">The page was there.</param>
/// <param name="Installed">The page was mapped.</param>
/// <param name="Woken">The vCPU was woken.</param>
/// <param name="Resumed">The vCPU ran again.</param>
internal readonly record struct FaultSpan(
    int Vcpu, long Page, ulong Address, FaultFlags Flags, long Raised, long Read, long Requested, long Data, long Installed, long Woken,
    long Resumed)
{
    /// <summary>Names of the hops, each from one station to the next.</summary>
    public static IReadOnlyList<string> HopNames { get; } =
    [
        "raised to read", "read to requested", "requested to data", "data to installed", "installed to woken", "woken to resumed",
    ];

    /// <summary>Time that the vCPU was blocked.</summary>
    public long Nanoseconds => Resumed - Raised;

    /// <summary>Makes one out of a trace.</summary>
    /// <param name="trace">Trace.</param>
    /// <param name="start">Time of the trace's clock at which the run began.</param>
    /// <param name="page">Page of the guest.</param>
    public static FaultSpan Of(FaultTrace trace, long start, long page) => new(
        trace.Vcpu, page, trace.Address, trace.Flags, Since(trace.Raised, start), Since(trace.Read, start), Since(trace.Requested, start),
        Since(trace.Data, start), Since(trace.Installed, start), Since(trace.Woken, start), Since(trace.Resumed, start));

    /// <summary>Time of a hop; null if the fault did not pass both stations in this order.</summary>
    public long? Hop(int hop)
    {
        (long from, long to) = hop switch
        {
            0 => (Raised, Read),
            1 => (Read, Requested),
            2 => (Requested, Data),
            3 => (Data, Installed),
            4 => (Installed, Woken),
            5 => (Woken, Resumed),
            _ => throw new ArgumentOutOfRangeException(nameof(hop)),
        };
        return from == 0 || to < from ? null : to - from;
    }

    private static long Since(long time, long start) => time == 0 ? 0 : Math.Max(1, time - start);
}
