using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Recording;

/// <summary>A run that is looked at while it is under way.</summary>
internal sealed record WatchedRun
{
    /// <summary>Its clock, in nanoseconds; that of the fault traces, if there are any.</summary>
    public required Func<long> Now { get; init; }

    /// <summary>When the guest began to run, on that clock; null while it does not. What is there before came before.</summary>
    public required Func<long?> Start { get; init; }

    /// <summary>True if the clock is that of the stepped dispatcher.</summary>
    public bool IsVirtualTime { get; init; }

    /// <summary>Its memory; empty if pages are not watched.</summary>
    public IReadOnlyList<WatchedRegion> Regions { get; init; } = [];

    /// <summary>
    /// Why a page has come that no watched vCPU has waited for: a push, unless everything comes on demand of vCPUs that are not watched.
    /// </summary>
    public PageCause Otherwise { get; init; } = PageCause.Push;

    /// <summary>What is read at each look.</summary>
    public required IReadOnlyList<WatchedFigure> Figures { get; init; }

    /// <summary>True when what follows does not belong to the run any more, as its verification.</summary>
    public Func<bool> IsOver { get; init; } = () => false;

    /// <summary>Called before the figures of a look are read.</summary>
    public Action BeforeLook { get; init; } = () => { };

    /// <summary>What waits, for the live view: base addresses of pages. Any thread.</summary>
    public Func<IReadOnlyList<ulong>> Requested { get; init; } = () => [];

    /// <summary>The figures of a userfaultfd and of pushes into it.</summary>
    /// <param name="userfault">The userfaultfd.</param>
    /// <param name="pushes">Its pushes, as far as there are any by now.</param>
    /// <param name="accesses">Accesses that the guest has finished; null if they are not known.</param>
    public static IReadOnlyList<WatchedFigure> FiguresOf(
        Userfault userfault, Func<IReadOnlyList<BackgroundPush>> pushes, Func<long>? accesses)
    {
        List<WatchedFigure> figures =
        [
            new(FigureNames.Faults, "faults", true, () => userfault.Faults),
            new(FigureNames.Demand, "pages", true, () => userfault.Counts().DemandPages),
            new(FigureNames.DemandZero, "pages", true, () => userfault.Counts().DemandZeroPages),
            new(FigureNames.Push, "pages", true, () => pushes().Sum(p => p.Pages)),
            new(FigureNames.PushZero, "pages", true, () => pushes().Sum(p => p.ZeroPages)),
            new(FigureNames.Outstanding, "pages", false, () => userfault.Outstanding),
        ];
        if (accesses is not null) figures.Add(new(FigureNames.Accesses, "accesses", true, accesses));
        return figures;
    }
}
