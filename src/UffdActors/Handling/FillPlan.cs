using UffdActors.Abi;
using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>
/// One call that fills pages of a region, as handlers, the background push and racing resolvers decide it: pure, and by one rule for all.
/// </summary>
/// <param name="Kind">Which call.</param>
/// <param name="Start">First address to fill.</param>
/// <param name="Length">Bytes to fill.</param>
/// <param name="Source">Where the content comes from.</param>
/// <param name="Modes">Whether it protects in the same call.</param>
/// <param name="DecidedOn">Change epoch on which it was decided: the call gives EAGAIN if an event has come since (RING R9).</param>
internal readonly record struct FillPlan(FillKind Kind, ulong Start, ulong Length, FillSource Source, FillModes Modes, long DecidedOn)
{
    /// <summary>
    /// The page comes back as open to writers as it has left: only if nothing protects it until then (<see cref="IPageFill.DecideOn"/>).
    /// </summary>
    public bool HasLeftOpen { get; init; }

    /// <summary>The call for pages whose content is known.</summary>
    /// <param name="decidedOn">Change epoch, looked at before the region was.</param>
    /// <param name="region">The part of the region that holds all of them.</param>
    /// <param name="run">The pages, and what they are to hold; where an alias is written, it has been.</param>
    /// <param name="thread">The thread that fills.</param>
    /// <param name="cacheIsEmpty">The page cache has no page there: it is not mapped but made.</param>
    /// <param name="copiesZeros">ZEROPAGE has been refused (<see cref="FillAnswer.CopyZeros"/>).</param>
    public static FillPlan Of(
        long decidedOn, ServedRegion region, in PageRun run, MonitorThread thread, bool cacheIsEmpty = false, bool copiesZeros = false)
    {
        FillKind kind = region.By != ResolveBy.Copy && !cacheIsEmpty ? FillKind.Continue
            : run.Content == SourceContent.Zero ? region.ZeroFill(copiesZeros)
            : FillKind.Copy;
        bool hasLeftOpen = kind == FillKind.Continue && region.HasLeftOpen(run.FirstPage, thread);
        return new FillPlan(
            kind, PageSize.AddressOf(region.Base + run.FirstPage), (ulong)run.Pages << PageSize.BaseShift,
            kind == FillKind.Copy ? run.Source : FillSource.Zero,
            hasLeftOpen ? FillModes.None : region.FillModesOf(run.FirstPage), decidedOn)
        {
            HasLeftOpen = hasLeftOpen,
        };
    }

    /// <summary>Poison for pages that are lost: a thread that touches them gets SIGBUS.</summary>
    /// <param name="decidedOn">As of <see cref="Of"/>.</param>
    /// <param name="region">The part of the region that holds all of them.</param>
    /// <param name="run">The pages.</param>
    public static FillPlan Poison(long decidedOn, ServedRegion region, in PageRun run) => new(
        FillKind.Poison, PageSize.AddressOf(region.Base + run.FirstPage), (ulong)run.Pages << PageSize.BaseShift, FillSource.Zero,
        FillModes.None, decidedOn);

    /// <summary>The same place by CONTINUE, which takes nothing from the pool of huge pages: is there a page at all?</summary>
    /// <param name="modes">Mode of the fill of that page now.</param>
    /// <param name="hasLeftOpen">For <see cref="HasLeftOpen"/>.</param>
    /// <param name="pages">Base pages.</param>
    public FillPlan AsProbe(FillModes modes, bool hasLeftOpen, int pages) =>
        new(FillKind.Continue, Start, (ulong)pages << PageSize.BaseShift, FillSource.Zero, modes, DecidedOn) { HasLeftOpen = hasLeftOpen };

    /// <summary>Aims a fill; to be followed by <see cref="IMonitorCall.Advance"/>.</summary>
    public void Begin(IPageFill fill)
    {
        fill.DecideOn(DecidedOn, HasLeftOpen);
        fill.Begin(Kind, Start, Length, Source, Modes);
    }
}
