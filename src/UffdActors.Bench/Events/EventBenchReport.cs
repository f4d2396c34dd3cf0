using UffdActors.Linux.Machine;

namespace UffdActors.Bench.Events;

/// <summary>The figures of <see cref="EventBench"/>, as they are printed and as they are written for machines.</summary>
internal sealed record EventBenchReport
{
    // A larger fall means that the rate depends on earlier events.
    private const double LeastOfFirst = 0.8;

    private EventBenchReport()
    {
    }

    /// <summary>Where it ran.</summary>
    public BenchMachine Machine { get; } = BenchMachine.Current();

    /// <summary>model or live.</summary>
    public required string World { get; init; }

    /// <summary>Release of the kernel, as <c>uname -r</c> prints it; null in the model.</summary>
    public string? Kernel { get; init; }

    /// <summary>Events of one run, a page each.</summary>
    public required int Events { get; init; }

    /// <summary>Repeats behind each figure.</summary>
    public required int Repeats { get; init; }

    /// <summary>Events a second in each tenth of the run.</summary>
    public required IReadOnlyList<Spread> EventsPerSecond { get; init; }

    /// <summary>The last tenth over the first, repeat by repeat.</summary>
    public required Spread LastOverFirst { get; init; }

    /// <summary>
    /// True if the rates of the last tenth and the first are within 20 % of each other, in the median repeat: a cold first tenth proves
    /// nothing.
    /// </summary>
    public bool IsFlat => LastOverFirst.Median >= LeastOfFirst && LastOverFirst.Median <= 1 / LeastOfFirst;

    /// <summary>Managed bytes that all threads of the process allocated, an event.</summary>
    public required Spread AllocatedBytesPerEvent { get; init; }

    /// <summary>Pauses by the garbage collector during a run.</summary>
    public required Spread GcPauseMilliseconds { get; init; }

    /// <summary>Faults with regions beside each other.</summary>
    public required IReadOnlyList<RegionRow> Regions { get; init; }

    internal static EventBenchReport Of(EventBenchOptions options, IReadOnlyList<EventSample> events, IReadOnlyList<RegionCell> cells) =>
        new()
        {
            World = options.World == EventBenchWorld.Live ? "live" : "model",
            Kernel = options.World == EventBenchWorld.Live ? MachineProbe.KernelRelease() : null,
            Events = options.Events,
            Repeats = options.Repeats,
            EventsPerSecond =
                [.. Enumerable.Range(0, EventBenchOptions.Windows).Select(i => Spread.Of(events.Select(s => s.WindowRates[i])))],
            LastOverFirst = Spread.Of(events.Select(s => s.WindowRates[^1] / s.WindowRates[0])),
            AllocatedBytesPerEvent = Spread.Of(events.Select(s => s.AllocatedBytes)),
            GcPauseMilliseconds = Spread.Of(events.Select(s => s.PauseMilliseconds)),
            Regions = [.. cells.Select(RegionRow.Of)],
        };
}
