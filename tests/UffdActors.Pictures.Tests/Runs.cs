using UffdActors.Abi;
using UffdActors.Pictures.History;
using UffdActors.Pictures.Recording;

namespace UffdActors.Pictures.Tests;

/// <summary>Runs that are made up, so that what must be seen in them is known.</summary>
internal static class Runs
{
    public const long Millisecond = 1_000_000;

    /// <summary>A fault of a vCPU whose six hops take as long each.</summary>
    public static FaultSpan Fault(int vcpu, long page, long raised, long hop = 1000) => new(
        vcpu, page, 0x1000_0000 + ((ulong)page << 12), FaultFlags.None, raised, raised + hop, raised + (2 * hop), raised + (3 * hop),
        raised + (4 * hop), raised + (5 * hop), raised + (6 * hop));

    /// <summary>
    /// 100 ms; two vCPUs, of which one faults each millisecond and one each second millisecond; 64 pages, the lower half by demand, of the
    /// upper half every other one zero, by push, and the last page never. One incident.
    /// </summary>
    public static RunHistory Small(string incident = "page 3 was late")
    {
        FaultBins bins = new();
        List<FaultSpan> spans = [];
        for (int i = 0; i < 150; i++)
        {
            FaultSpan fault = i < 100
                ? Fault(0, i % 32, (i * Millisecond) + 1)
                : Fault(1, i % 32, ((i - 100) * 2 * Millisecond) + 1, hop: 100_000);
            bins.Add(fault);
            spans.Add(fault);
        }

        return new RunHistory
        {
            Nanoseconds = 100 * Millisecond,
            Moments = [0, 50 * Millisecond, 100 * Millisecond],
            Series =
            [
                new(FigureNames.Faults, "faults", true, [0, 75, 150]),
                new(FigureNames.Demand, "pages", true, [0, 16, 32]),
                new(FigureNames.DemandZero, "pages", true, [0, 0, 0]),
                new(FigureNames.Push, "pages", true, [0, 8, 15]),
                new(FigureNames.PushZero, "pages", true, [0, 8, 16]),
                new(FigureNames.Outstanding, "pages", false, [0, 3, 1]),
            ],
            Faults = bins,
            Spans = spans,
            SpanStride = 1,
            Map = new PageMap(64, 4096, 1, [.. Enumerable.Range(0, 64).Select(Arrival)]),
            Incidents = [new RunIncident(30 * Millisecond, "SourceFailed", incident)],
            MoreIncidents = 0,
        };
    }

    /// <summary>A region in which a test says what has come.</summary>
    public static WatchedRegion Region(ulong address, ulong[] received, int pageBytes = 4096, Func<long, PageState>? state = null) => new(
        address, received.Length * 64L, pageBytes, words => received.CopyTo(words),
        state ?? (page => (received[page / 64] >> (int)(page % 64) & 1) != 0 ? PageState.FromSource : PageState.Absent));

    private static PageArrival Arrival(int page) => page switch
    {
        63 => new(page, 0, PageCause.Absent, PageState.Absent),
        < 32 => new(page, page * 3 * Millisecond, PageCause.Demand, PageState.FromSource),
        _ => new(page, (page - 32) * 3 * Millisecond, PageCause.Push, page % 2 == 0 ? PageState.FromSource : PageState.Zero),
    };
}
