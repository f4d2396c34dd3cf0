using UffdActors.Abi;
using UffdActors.Dispatch;
using UffdActors.Explore.Mutants;
using UffdActors.Explore.Scenes;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Mutants;

/// <summary>RING S7: a thread that a signal makes fault again has faulted twice.</summary>
internal sealed class CountsRepeats : Mutant
{
    public override string Name => "counts-repeats";

    public override string Rule => "S7";

    public override string Bug => "Which thread has faulted is not looked at, so a signal makes another fault of the same one";

    public override IReadOnlyList<string> Scenarios => ["repeated-faults"];

    public override RunParts Parts { get; } = new ReaderParts((descriptor, handlers, view, time, limit) =>
        new FaultReader(new Anonymous(descriptor), handlers, view, time, limit));

    private sealed class Anonymous(IUffdDescriptor inner) : IUffdDescriptor
    {
        public bool HasMessages => inner.HasMessages;

        public bool TryRead(out UffdMsg message, out FaultTrace? trace)
        {
            bool found = inner.TryRead(out message, out trace);
            if (found && message.Event == UffdEvent.Pagefault) message = UffdMsg.Pagefault(message.Flags, message.Address, 0);
            return found;
        }

        public void Wake(ulong start, ulong end) => inner.Wake(start, end);

        public void Unmapped(ulong start, ulong end) => inner.Unmapped(start, end);

        public bool IsRegistered(long page) => inner.IsRegistered(page);
    }
}

/// <summary>RING S8: what the guest gives back is no change.</summary>
internal sealed class RemovedIsNotDirty : Mutant
{
    public override string Name => "removed-is-not-dirty";

    public override string Rule => "S8";

    public override string Bug => "A page that lost its content without a write is not noted for the dirty set";

    public override IReadOnlyList<string> Scenarios => ["dirty-set"];

    public override RunParts Parts { get; } = new ReaderParts((descriptor, handlers, view, time, limit) =>
        new FaultReader(descriptor, handlers, RegionView.Of(view.Regions.Select(r => r with { Zeroed = null })), time, limit));
}

/// <summary>RING S8: removed ranges are kept by a coarser grain.</summary>
internal sealed class RoundsRemovedRanges : Mutant
{
    public override string Name => "rounds-removed-ranges";

    public override string Rule => "S8";

    public override string Bug => "Removed ranges are kept in pairs of pages, so a page beside one counts as removed too";

    public override IReadOnlyList<string> Scenarios => ["dirty-set", "shmem-remove", "two-vcpus-one-madvise"];

    public override RunParts Parts { get; } =
        new ReaderParts((descriptor, handlers, view, time, limit) => new CoarseReader(descriptor, handlers, view, time, limit));

    private sealed class CoarseReader(IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int limit)
        : FaultReader(descriptor, handlers, view, time, limit)
    {
        private const ulong Pair = 2 * PageSize.Base;

        internal override void OnEvent(in UffdMsg message) => base.OnEvent(message.Event == UffdEvent.Remove
            ? UffdMsg.Remove(message.Start / Pair * Pair, (message.End + Pair - 1) / Pair * Pair)
            : message);
    }
}

/// <summary>RING S8: of what was removed nothing but the event is looked at.</summary>
internal sealed class RemovedIsForGood : Mutant
{
    public override string Name => "removed-is-for-good";

    public override string Rule => "S8";

    public override string Bug =>
        "A page counts as removed because an event says so, though its content is there: DONTNEED of shared memory, or a write";

    public override IReadOnlyList<string> Scenarios => ["kept-or-removed"];

    public override RunParts Parts { get; } = new RemovalParts((pages, terms, look) => new Believing(pages, terms, look));

    private sealed class Believing(RegionPages pages, RemovalTerms terms, Func<long, PageLook?> look) : RemovedPages(pages, terms, look)
    {
        internal override PageState StateOf(long page) => PageState.Removed;
    }
}

/// <summary>RING S8: that a page had gone is forgotten.</summary>
internal sealed class HolesAreForgotten : Mutant
{
    public override string Name => "holes-are-forgotten";

    public override string Rule => "S8";

    public override string Bug =>
        "A page that has content after its removal is told as the source's, though there was a hole and a guest has written it";

    public override IReadOnlyList<string> Scenarios => ["kept-or-removed"];

    public override RunParts Parts { get; } = new RemovalParts((pages, terms, look) => new Forgetful(pages, terms, look));

    private sealed class Forgetful(RegionPages pages, RemovalTerms terms, Func<long, PageLook?> look) : RemovedPages(pages, terms, look)
    {
        private readonly RegionPages _pages = pages;
        private readonly Func<long, PageLook?> _look = look;

        internal override PageState StateOf(long page) => _look(page) is { Content: SeenContent.Bytes } && _pages.Received.Contains(page)
            ? PageState.FromSource
            : base.StateOf(page);
    }
}

/// <summary>Parts with another look at what was removed.</summary>
internal sealed class RemovalParts(Func<RegionPages, RemovalTerms, Func<long, PageLook?>, RemovedPages> removed) : RunParts
{
    public override RemovedPages NewRemovedPages(RegionPages pages, RemovalTerms terms, Func<long, PageLook?> look) =>
        removed(pages, terms, look);
}

/// <summary>RING S9: what has paused waits on where its page is not any more.</summary>
internal sealed class PausesOutliveTheirPlace : Mutant
{
    public override string Name => "pauses-outlive-their-place";

    public override string Rule => "S9";

    public override string Bug =>
        "A request that has paused stays when its range moves away, and whoever faults there later waits for it in silence";

    public override IReadOnlyList<string> Scenarios => ["failing-hook"];

    public override RunParts Parts { get; } =
        new ReaderParts((descriptor, handlers, view, time, limit) => new KeepingReader(descriptor, handlers, view, time, limit));

    private sealed class KeepingReader(IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int limit)
        : FaultReader(descriptor, handlers, view, time, limit)
    {
        internal override void DropGone()
        {
        }
    }
}

/// <summary>RING S9: of a page that is waited for at two places, one that gives up gives up both.</summary>
internal sealed class ForgetsTheOtherPlace : Mutant
{
    public override string Name => "forgets-the-other-place";

    public override string Rule => "S9";

    public override string Bug => "A request for a page that has moved away makes the outage forget that the page waits at its new place";

    public override IReadOnlyList<string> Scenarios => ["moved-in-an-outage"];

    public override RunParts Parts { get; } =
        new ReaderParts((descriptor, handlers, view, time, limit) => new ForgetfulReader(descriptor, handlers, view, time, limit));

    private sealed class ForgetfulReader(IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int limit)
        : FaultReader(descriptor, handlers, view, time, limit)
    {
        private readonly RingTime _time = time;

        internal override void Dismiss(PageRequest request)
        {
            (int region, long page) = (request.Region.Id, request.Page);
            base.Dismiss(request);
            foreach (PageRequest other in OutstandingRequests().Where(o => o.Region.Id == region && o.Page == page))
                Outages.Forget(Waiter.Of(other), _time.Now);
        }
    }
}

/// <summary>RING S8: what was unmapped stays in the reader's view.</summary>
internal sealed class KeepsWhatWasUnmapped : Mutant
{
    public override string Name => "keeps-what-was-unmapped";

    public override string Rule => "S8";

    public override string Bug => "An UNMAP cuts a region in two, and the part between them comes back";

    public override IReadOnlyList<string> Scenarios => ["unmap-under-faults"];

    public override RunParts Parts { get; } =
        new ReaderParts((descriptor, handlers, view, time, limit) => new KeepingReader(descriptor, handlers, view, time, limit));

    private sealed class KeepingReader(IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int limit)
        : FaultReader(descriptor, handlers, view, time, limit)
    {
        internal override void OnEvent(in UffdMsg message)
        {
            ServedRegion? served = message.Event == UffdEvent.Unmap ? View.Find(PageSize.PageOf(message.Start)) : null;
            base.OnEvent(message);
            if (served is not null) Add(served with { Range = new(PageSize.PageOf(message.Start), PageSize.PageOf(message.End)) });
        }
    }
}

/// <summary>RING S10: the embedder's reader takes what is in swap for absent.</summary>
internal sealed class SwappedIsAbsent : Mutant
{
    public override string Name => "swapped-is-absent";

    public override string Rule => "S10";

    public override string Bug => "A page that is not in the page table counts as absent, in swap or in its file's cache";

    public override IReadOnlyList<string> Scenarios => ["paged-out"];

    public override RunParts Parts { get; } = new PageTableOnly();

    private sealed class PageTableOnly : RunParts
    {
        public override Peek NewPeek(Caller thread, ulong address) => new TablePeek(thread, address);
    }

    private sealed class TablePeek(Caller thread, ulong address) : Peek(thread, address)
    {
        internal override bool TryRead(long page, Span<byte> destination) =>
            Caller.Mm.EntryAt(page).IsPresent && base.TryRead(page, destination);
    }
}
