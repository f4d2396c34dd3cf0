using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Dispatch;
using UffdActors.Explore.Mutants;
using UffdActors.Explore.Scenes;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;
using UffdActors.Worlds;

namespace UffdActors.Mutants;

/// <summary>RING S1: the push takes the end of the process for success.</summary>
internal sealed class PushTakesTheEndForSuccess : Mutant
{
    public override string Name => "push-takes-the-end-for-success";

    public override string Rule => "S1";

    public override string Bug => "The background push counts pages as received whose fill got ESRCH, for nobody will miss them";

    public override IReadOnlyList<string> Scenarios => ["owner-gone"];

    public override RunParts Parts { get; } = new PushParts(typeof(Push));

    private sealed class Push(VmContext vm, PushOptions options) : PushActor(vm, options)
    {
        internal override void Filling()
        {
            if (PieceFill.Error != Errno.ESRCH)
            {
                base.Filling();
                return;
            }

            Mark(PagesLeft);
            GoOn();
        }
    }
}

/// <summary>RING S1: the end of the process is taken for the end of a range.</summary>
internal sealed class EndIsAGoneRange : Mutant
{
    public override string Name => "end-is-a-gone-range";

    public override string Rule => "S1";

    public override string Bug =>
        "ESRCH is handled as ENOENT: page after page is dropped as unmapped, and nobody is told that the process has ended";

    public override IReadOnlyList<string> Scenarios => ["owner-gone"];

    public override RunParts Parts { get; } =
        new FillParts(thread => new Fill(thread), (caller, context, request) => new RangeFill(caller, context, request));

    private sealed class RangeFill(Caller caller, UserfaultContext context, PageRequest? request)
        : ModelFill(caller, context, request), IPageFill
    {
        Errno IMonitorCall.Error => Error == Errno.ESRCH ? Errno.ENOENT : Error;
    }
}

/// <summary>RING S2: who faults at an unknown address is woken, and faults again.</summary>
internal sealed class WakesStraysForEver : Mutant
{
    public override string Name => "wakes-strays-for-ever";

    public override string Rule => "S2";

    public override string Bug => "A fault in no region is woken at once, as often as it comes again";

    public override IReadOnlyList<string> Scenarios => ["unknown-address"];

    public override RunParts Parts { get; } =
        new ReaderParts((descriptor, handlers, view, time, limit) => new WakingReader(descriptor, handlers, view, time, limit));

    private sealed class WakingReader(IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int limit)
        : FaultReader(descriptor, handlers, view, time, limit)
    {
        internal override void OnStray(ulong address, long page, uint thread, IFaultRoute route) => Wake(address);
    }
}

/// <summary>RING S2: who is left asleep at an unknown address is never heard of.</summary>
internal sealed class LeavesStraysInSilence : Mutant
{
    public override string Name => "leaves-strays-in-silence";

    public override string Rule => "S2";

    public override string Bug => "A fault in no region is left asleep, and nobody is told";

    public override IReadOnlyList<string> Scenarios => ["unknown-address"];

    public override RunParts Parts { get; } =
        new ReaderParts((descriptor, handlers, view, time, limit) => new SilentReader(descriptor, handlers, view, time, limit));

    private sealed class SilentReader(IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int limit)
        : FaultReader(descriptor, handlers, view, time, limit)
    {
        internal override void OnStray(ulong address, long page, uint thread, IFaultRoute route)
        {
        }
    }
}

/// <summary>RING S3: the child's userfaultfd is closed, and its absent pages are zeros.</summary>
internal sealed class ForkedChildIsClosed : Mutant
{
    public override string Name => "forked-child-is-closed";

    public override string Rule => "S3";

    public override string Bug => "The reader closes the descriptor that comes with a fork, since it serves no child";

    public override IReadOnlyList<string> Scenarios => ["forked-child"];

    public override RunParts Parts { get; } = new ReaderParts((descriptor, handlers, view, time, limit) =>
        new FaultReader(new ClosingDescriptor((WatchedDescriptor)descriptor), handlers, view, time, limit));

    private sealed class ClosingDescriptor(WatchedDescriptor inner) : IUffdDescriptor
    {
        private readonly UserfaultContext _context = inner.Context;

        public bool HasMessages => inner.HasMessages;

        public bool TryRead(out UffdMsg message, out FaultTrace? trace)
        {
            trace = null;
            bool found = _context.TryRead(out message, out _, out UserfaultContext? child);
            if (child is null) return found;
            Caller closer = new(_context.Mm);
            closer.Attach(_context.Port);
            _context.Port.Send(new CloseHandle(closer, child));
            return found;
        }

        public void Wake(ulong start, ulong end) => inner.Wake(start, end);

        public bool IsRegistered(long page) => inner.IsRegistered(page);
    }
}

/// <summary>RING S4: what a page source says that makes no sense is dropped.</summary>
internal sealed class DropsWrongAnswers : Mutant
{
    public override string Name => "drops-wrong-answers";

    public override string Rule => "S4";

    public override string Bug =>
        "An answer of a page source to no order, with other pages or with none is passed over in silence, and the order stays open";

    public override IReadOnlyList<string> Scenarios => ["wrong-answers"];

    public override RunParts Parts { get; } = new Trusting();

    private sealed class Trusting : RunParts
    {
        public override Props SourceProps(VmContext vm, IPageSource source, SourceWatch? watch) =>
            SourceActor.Props(source, vm.DispatcherId);
    }
}

/// <summary>RING S4: an order that is lost is given again once, and then never.</summary>
internal sealed class AsksAgainOnce : Mutant
{
    public override string Name => "asks-again-once";

    public override string Rule => "S4";

    public override string Bug =>
        "An order that a page source has lost is given again once; when that is lost too, its page is waited for in vain";

    public override IReadOnlyList<string> Scenarios => ["silent-source"];

    public override RunParts Parts { get; } = new Impatient();

    private sealed class Impatient : RunParts
    {
        public override Props SourceProps(VmContext vm, IPageSource source, SourceWatch? watch) =>
            Props.Create<Once>(source, watch!, vm.Time).WithDispatcher(vm.DispatcherId);
    }

    private sealed class Once(IPageSource source, SourceWatch? watch, RingTime? time) : SourceActor(source, watch, time)
    {
        internal override bool IsGivenAgain(int number) => number < 2;
    }
}

/// <summary>RING S5: a hook that throws is passed over.</summary>
internal sealed class HookFailureGoesOn : Mutant
{
    public override string Name => "hook-failure-goes-on";

    public override string Rule => "S5";

    public override string Bug => "A page goes to its writers although the hook that was to keep its content has thrown";

    public override IReadOnlyList<string> Scenarios => ["failing-hook"];

    public override RunParts Parts { get; } = new Careless();

    private sealed class Careless : RunParts
    {
        public override MonitorThread NewMonitorThread(Caller caller, UserfaultContext context) => new CarelessThread(caller, context);
    }

    private sealed class CarelessThread(Caller caller, UserfaultContext context) : ModelThread(caller, context, splitsTurns: true)
    {
        private readonly Caller _caller = caller;
        private readonly UserfaultContext _context = context;

        public override IMonitorCall ClearProtection(PageRequest request) => new CarelessClear(_caller, _context, request);
    }

    private sealed class CarelessClear(Caller caller, UserfaultContext context, PageRequest request)
        : WriteProtect(caller, context, request.Address, (ulong)request.Bytes, (ulong)WriteProtectModes.Clear), IMonitorCall
    {
        public PageRequest Request { get; } = request;

        public bool Advance()
        {
            Step();
            return EndedHere;
        }

        protected override Errno BeforeChange()
        {
            _ = Request.BeforeWrite();
            return Errno.None;
        }
    }
}

/// <summary>RING S6: whoever waits for a push waits until every page is there, also those that never will be.</summary>
internal sealed class PushWaitsForTheUnmapped : Mutant
{
    public override string Name => "push-waits-for-the-unmapped";

    public override string Rule => "S6";

    public override string Bug => "The wait for a push ends when every page has been received, and pages that were unmapped never are";

    public override IReadOnlyList<string> Scenarios => ["unmap-under-push"];

    public override RunParts Parts { get; } = new PushParts(typeof(Push));

    private sealed class Push(VmContext vm, PushOptions options)
        : PushActor(vm, options with { Progress = new PushProgress(new TaskCompletionSource()) })
    {
        private readonly PushOptions _asked = options;

        protected override void OnReceive(object message)
        {
            base.OnReceive(message);
            if (_asked.Pages.Received.Count == _asked.Pages.Received.Pages) _ = _asked.Progress.Finished.TrySetResult();
        }
    }
}

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

/// <summary>RING S4: a wrong answer is refused, and nobody hears of it.</summary>
internal sealed class RefusesInSilence : Mutant
{
    public override string Name => "refuses-in-silence";

    public override string Rule => "S4";

    public override string Bug => "A wrong answer of a page source fails its order, and no incident names the source";

    public override IReadOnlyList<string> Scenarios => ["wrong-answers"];

    public override RunParts Parts { get; } = new Silent();

    private sealed class Silent : RunParts
    {
        public override Props SourceProps(VmContext vm, IPageSource source, SourceWatch? watch) =>
            base.SourceProps(
                vm, source,
                watch is null ? null : new SourceWatch(source, new SourceTerms(new Patience(TimeSpan.FromMilliseconds(1), Resumes: true))));
    }
}

/// <summary>RING S5: a hook that throws is called again and again, and nobody hears of it.</summary>
internal sealed class HookFailureInSilence : Mutant
{
    public override string Name => "hook-failure-in-silence";

    public override string Rule => "S5";

    public override string Bug => "A hook that throws is taken for an event that is unread: called again later, and not reported";

    public override IReadOnlyList<string> Scenarios => ["failing-hook"];

    public override RunParts Parts { get; } = new Patient();

    private sealed class Patient : RunParts
    {
        public override MonitorThread NewMonitorThread(Caller caller, UserfaultContext context) => new PatientThread(caller, context);
    }

    private sealed class PatientThread(Caller caller, UserfaultContext context) : ModelThread(caller, context, splitsTurns: true)
    {
        private readonly Caller _caller = caller;
        private readonly UserfaultContext _context = context;

        public override IMonitorCall ClearProtection(PageRequest request) => new PatientClear(_caller, _context, request);
    }

    private sealed class PatientClear(Caller caller, UserfaultContext context, PageRequest request)
        : WriteProtect(caller, context, request.Address, (ulong)request.Bytes, (ulong)WriteProtectModes.Clear), IMonitorCall
    {
        public PageRequest Request { get; } = request;

        public bool Advance()
        {
            Step();
            return EndedHere;
        }

        protected override Errno BeforeChange() => Request.BeforeWrite() == Errno.None ? Errno.None : Errno.EAGAIN;
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
