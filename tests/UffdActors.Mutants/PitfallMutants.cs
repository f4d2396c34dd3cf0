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
using UffdActors.Model.Userfault;
using UffdActors.Worlds;

namespace UffdActors.Mutants;

/// <summary>RING P1: EEXIST is taken for done, and nobody is woken.</summary>
internal sealed class EexistWithoutWake : Mutant
{
    public override string Name => "eexist-without-wake";

    public override string Rule => "P1";

    public override string Bug => "After EEXIST the page counts as resolved, and its threads are not woken";

    public override IReadOnlyList<string> Scenarios => ["lossy-wire", "crashing-handlers", "push-and-demand"];

    public override RunParts Parts { get; } =
        new ReaderParts((descriptor, handlers, view, time, limit) => new SilentReader(descriptor, handlers, view, time, limit));

    private sealed class SilentReader(IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int limit)
        : FaultReader(descriptor, handlers, view, time, limit)
    {
        private bool _isSilent;

        internal override void Dismiss(PageRequest request)
        {
            _isSilent = request.Error == Errno.EEXIST;
            base.Dismiss(request);
            _isSilent = false;
        }

        internal override void Wake(ulong address)
        {
            if (!_isSilent) base.Wake(address);
        }
    }
}

/// <summary>RING P2, P6: the descriptor is not read while a fill is under way, so a fill that waits for an event waits for ever.</summary>
internal sealed class ReadsOnCredit : Mutant
{
    public override string Name => "reads-on-credit";

    public override string Rule => "P2";

    public override string Bug =>
        "The reader reads nothing while a request is outstanding, although that request waits for an event to be read";

    public override IReadOnlyList<string> Scenarios => ["two-vcpus-one-madvise", "shmem-remove", "unmap-under-faults"];

    public override RunParts Parts { get; } =
        new ReaderParts((descriptor, handlers, view, time, limit) => new CreditReader(descriptor, handlers, view, time, limit));

    private sealed class CreditReader(IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int limit)
        : FaultReader(descriptor, handlers, view, time, limit)
    {
        internal override void Read(IFaultRoute route)
        {
            if (Outstanding == 0) base.Read(route);
        }
    }
}

/// <summary>RING P3: what is deferred has no timer.</summary>
internal sealed class DefersWithoutTimer : Mutant
{
    public override string Name => "defers-without-timer";

    public override string Rule => "P3";

    public override string Bug => "A fill that got EAGAIN is put aside, and nobody ever takes it up again";

    public override IReadOnlyList<string> Scenarios => ["two-vcpus-one-madvise", "shmem-remove", "crashing-handlers"];

    public override RunParts Parts { get; } = new TimeParts(time => new NoTimers(time));

    private sealed class NoTimers(RingTime time) : RingTime
    {
        public override long Now => time.Now;

        public override void After(TimeSpan delay, IActorRef target, object message)
        {
        }
    }
}

/// <summary>RING P4: what is deferred is tried again at once, without end.</summary>
internal sealed class DefersWithoutBackoff : Mutant
{
    public override string Name => "defers-without-backoff";

    public override string Rule => "P4";

    public override string Bug => "A fill that got EAGAIN is tried again at once, as often as the loop goes round";

    public override IReadOnlyList<string> Scenarios => ["two-vcpus-one-madvise", "shmem-remove", "push-and-demand"];

    public override RunParts Parts { get; } = new TimeParts(time => new AtOnce(time));

    private sealed class AtOnce(RingTime time) : RingTime
    {
        public override long Now => time.Now;

        public override void After(TimeSpan delay, IActorRef target, object message) => target.Tell(message, ActorRefs.NoSender);
    }
}

/// <summary>RING P7: a page is installed open, and protected afterwards.</summary>
internal sealed class InstallsThenProtects : Mutant
{
    public override string Name => "installs-then-protects";

    public override string Rule => "P7";

    public override string Bug => "COPY with write protection maps the page writable, and protects it when its threads are woken";

    public override IReadOnlyList<string> Scenarios => ["protected-install"];

    public override RunParts Parts { get; } =
        new FillParts(thread => new TwoStepFill(thread), (caller, context, request) => new ModelFill(caller, context, request));

    private sealed class TwoStepFill(Caller thread) : Fill(thread)
    {
        internal override Errno InstallOne(Vma vma, long page, uint folio, bool wp) => base.InstallOne(vma, page, folio, wp: false);

        protected override void OnFilled()
        {
            if ((Modes & FillModes.WriteProtect) == 0) return;
            for (long page = PageSize.PageOf(Start); page < PageSize.PageOf(Start + (ulong)Out!.Value); page++)
                Context.Mm.SetEntry(page, Context.Mm.EntryAt(page).WithWp(true));
        }
    }
}

/// <summary>RING P7: a fill of a handler, or of the push, drops the protection of a page.</summary>
internal sealed class FillDropsProtection : Mutant
{
    public override string Name => "fill-drops-protection";

    public override string Rule => "P7";

    public override string Bug => "Where write protection is registered, handlers and push fill pages open to writers";

    public override IReadOnlyList<string> Scenarios => ["fills-keep-protection"];

    public override RunParts Parts { get; } =
        new FillParts(thread => new Fill(thread), (caller, context, request) => new OpenFill(caller, context, request));

    private sealed class OpenFill(Caller caller, UserfaultContext context, PageRequest? request)
        : ModelFill(caller, context, request), IPageFill
    {
        void IPageFill.Begin(FillKind kind, ulong start, ulong length, FillSource source, FillModes modes) =>
            Begin(kind, start, length, source, FillModes.None);
    }
}

/// <summary>RING P7: what comes back is protected whatever it was.</summary>
internal sealed class ComesBackProtected : Mutant
{
    public override string Name => "comes-back-protected";

    public override string Rule => "P7";

    public override string Bug => "A written page that has left the mapping is mapped protected by CONTINUE, and is not dirty any more";

    public override IReadOnlyList<string> Scenarios => ["left-and-came-back"];

    public override RunParts Parts { get; } =
        new FillParts(thread => new Fill(thread), (caller, context, request) => new ClosedFill(caller, context, request));

    private sealed class ClosedFill(Caller caller, UserfaultContext context, PageRequest? request)
        : ModelFill(caller, context, request), IPageFill
    {
        void IPageFill.Begin(FillKind kind, ulong start, ulong length, FillSource source, FillModes modes) =>
            Begin(kind, start, length, source, kind == FillKind.Continue ? FillModes.WriteProtect : modes);
    }
}

/// <summary>RING P7: what comes back is open although a call has protected it since that was decided.</summary>
internal sealed class ComesBackOpen : Mutant
{
    public override string Name => "comes-back-open";

    public override string Rule => "P7";

    public override string Bug => "A page that left open is mapped open by CONTINUE although it was protected meanwhile";

    public override IReadOnlyList<string> Scenarios => ["protected-as-it-comes-back"];

    public override RunParts Parts { get; } =
        new FillParts(thread => new Fill(thread), (caller, context, request) => new BlindFill(caller, context, request));

    private sealed class BlindFill(Caller caller, UserfaultContext context, PageRequest? request) : ModelFill(caller, context, request)
    {
        internal override bool MapsOpen(Entry entry) => true;
    }
}

/// <summary>RING P3, of an outage: what has paused is not tried again.</summary>
internal sealed class OutageIsNeverProbed : Mutant
{
    public override string Name => "outage-is-never-probed";

    public override string Rule => "P3";

    public override string Bug => "Pages that have paused because the source was away are never tried again, although it answers again";

    public override IReadOnlyList<string> Scenarios => ["source-outage"];

    public override RunParts Parts { get; } =
        new ReaderParts((descriptor, handlers, view, time, limit) => new ForgetfulReader(descriptor, handlers, view, time, limit));

    private sealed class ForgetfulReader(IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int limit)
        : FaultReader(descriptor, handlers, view, time, limit)
    {
        internal override bool Probe(Outage outage) => false;
    }
}

/// <summary>RING P1, of a marker: zeros are mapped by ZEROPAGE, whose EEXIST says no more than that the entry is not empty.</summary>
internal sealed class ZerosByZeropage : Mutant
{
    public override string Name => "zeros-by-zeropage";

    public override string Rule => "P1";

    public override string Bug => "Zeros go in by ZEROPAGE everywhere, which never fills an entry that holds a marker";

    public override IReadOnlyList<string> Scenarios => ["protected-zeros"];

    public override RunParts Parts { get; } =
        new FillParts(thread => new Fill(thread), (caller, context, request) => new ZeroFill(caller, context, request));

    private sealed class ZeroFill(Caller caller, UserfaultContext context, PageRequest? request)
        : ModelFill(caller, context, request), IPageFill
    {
        void IPageFill.Begin(FillKind kind, ulong start, ulong length, FillSource source, FillModes modes)
        {
            bool isZeros = kind == FillKind.Copy && source.Equals(FillSource.Zero);
            Begin(isZeros ? FillKind.ZeroPage : kind, start, length, source, isZeros ? FillModes.None : modes);
        }
    }
}

/// <summary>RING P5, P8: what REMOVE takes is not recorded, so the source's old bytes come back.</summary>
internal sealed class ForgetsRemoved : Mutant
{
    public override string Name => "forgets-removed";

    public override string Rule => "P8";

    public override string Bug => "A removed page is not recorded as zeros, and is filled from the source again";

    public override IReadOnlyList<string> Scenarios => ["two-vcpus-one-madvise", "shmem-remove", "push-and-demand"];

    public override RunParts Parts { get; } =
        new ReaderParts((descriptor, handlers, view, time, limit) => new ForgetfulReader(descriptor, handlers, view, time, limit));

    private sealed class ForgetfulReader(IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int limit)
        : FaultReader(descriptor, handlers, view, time, limit)
    {
        internal override void OnEvent(in UffdMsg message)
        {
            if (message.Event != UffdEvent.Remove) base.OnEvent(message);
        }
    }
}

/// <summary>RING P9: the push takes EAGAIN for success.</summary>
internal sealed class PushTakesEagainForSuccess : Mutant
{
    public override string Name => "push-takes-eagain-for-success";

    public override string Rule => "P9";

    public override string Bug => "The background push counts pages as received although their fill got EAGAIN";

    public override IReadOnlyList<string> Scenarios => ["push-and-demand", "lossy-wire"];

    public override RunParts Parts { get; } = new PushParts(typeof(Push));

    private sealed class Push(VmContext vm, PushOptions options) : PushActor(vm, options)
    {
        internal override void Filling()
        {
            if (Fill.Call.Error == Errno.EAGAIN && Fill.Call.Out < 0)
            {
                Fill.Mark(Fill.PagesLeft);
                GoOn();
                return;
            }

            base.Filling();
        }
    }
}

/// <summary>RING P11: a minor fault on shared memory is answered by a wake-up, and nothing is mapped.</summary>
internal sealed class WakesInsteadOfContinue : Mutant
{
    public override string Name => "wakes-instead-of-continue";

    public override string Rule => "P11";

    public override string Bug => "A minor fault is answered by WAKE alone: the page is in the cache, and is mapped nowhere";

    public override IReadOnlyList<string> Scenarios => ["minor-through-alias"];

    public override RunParts Parts { get; } =
        new FillParts(thread => new Fill(thread), (caller, context, request) => new WakingFill(caller, context, request));

    private sealed class WakingFill(Caller caller, UserfaultContext context, PageRequest? request) : ModelFill(caller, context, request)
    {
        public override void Step()
        {
            if (Kind != FillKind.Continue || Request is null)
            {
                base.Step();
                return;
            }

            Context.Wake(Start, Start + Length);
            Request.Complete();
        }
    }
}

/// <summary>RING P12: a negative out field is taken for a number of bytes.</summary>
internal sealed class NegativeProgress : Mutant
{
    public override string Name => "negative-progress";

    public override string Rule => "P12";

    public override string Bug => "The out field is cast to unsigned, so a negative errno is a huge number of bytes done";

    public override IReadOnlyList<string> Scenarios => ["push-and-demand", "lossy-wire"];

    public override RunParts Parts { get; } = new PushParts(typeof(Push));

    private sealed class Push(VmContext vm, PushOptions options) : PushActor(vm, options)
    {
        internal override void Filling()
        {
            ulong pages = (ulong)(Fill.Call.Out ?? 0) >> PageSize.BaseShift;
            Fill.Mark((int)Math.Min(pages, (ulong)Fill.PagesLeft));
            GoOn();
        }
    }
}

/// <summary>RING P13: every chunk of the push is of full length, the last one too.</summary>
internal sealed class LastChunkIsTooLong : Mutant
{
    public override string Name => "last-chunk-is-too-long";

    public override string Rule => "P13";

    public override string Bug => "The background push fills whole chunks, also where the region ends earlier: ENOENT, again and again";

    public override IReadOnlyList<string> Scenarios => ["push-and-demand", "lossy-wire", "unmap-under-push"];

    public override RunParts Parts { get; } =
        new FillParts(thread => new Fill(thread), (caller, context, request) => new LongFill(caller, context, request));

    private sealed class LongFill(Caller caller, UserfaultContext context, PageRequest? request)
        : ModelFill(caller, context, request), IPageFill
    {
        private const ulong Chunk = 4 * PageSize.Base;

        void IPageFill.Begin(FillKind kind, ulong start, ulong length, FillSource source, FillModes modes) =>
            Begin(kind, start, Request is null ? Chunk : length, source, modes);
    }
}

/// <summary>RING P14: what a partial fill has left undone is not taken up.</summary>
internal sealed class PartialCopyIsNotResumed : Mutant
{
    public override string Name => "partial-copy-is-not-resumed";

    public override string Rule => "P14";

    public override string Bug => "A fill that ended with EAGAIN and a positive count is taken for complete";

    public override IReadOnlyList<string> Scenarios => ["push-and-demand", "lossy-wire"];

    public override RunParts Parts { get; } = new PushParts(typeof(Push));

    private sealed class Push(VmContext vm, PushOptions options) : PushActor(vm, options)
    {
        internal override void Filling()
        {
            if (Fill.Call.Error == Errno.EAGAIN && Fill.Call.Out > 0)
            {
                Fill.Mark(Fill.PagesLeft);
                GoOn();
                return;
            }

            base.Filling();
        }
    }
}

/// <summary>RING P15: a crash loses what the handler was at work on.</summary>
internal sealed class CrashLosesFaults : Mutant
{
    public override string Name => "crash-loses-faults";

    public override string Rule => "P15";

    public override string Bug => "After a handler's crash the pages that it was at work on are dropped and not woken";

    public override IReadOnlyList<string> Scenarios => ["crashing-handlers"];

    public override RunParts Parts { get; } =
        new ReaderParts((descriptor, handlers, view, time, limit) => new CarelessReader(descriptor, handlers, view, time, limit));

    private sealed class CarelessReader(IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int limit)
        : FaultReader(descriptor, handlers, view, time, limit)
    {
        private bool _isSilent;

        internal override ulong? HandlerCrashed(int handler, PageRequest? during)
        {
            _isSilent = true;
            ulong? page = base.HandlerCrashed(handler, during);
            _isSilent = false;
            return page;
        }

        internal override void Wake(ulong address)
        {
            if (!_isSilent) base.Wake(address);
        }
    }
}

/// <summary>RING P20: an order that depends on hash codes of objects, which differ from run to run.</summary>
internal sealed class OrderByHash : Mutant
{
    public override string Name => "order-by-hash";

    public override string Rule => "P20";

    public override string Bug => "After a crash, pages are woken in the order of objects' hash codes";

    public override IReadOnlyList<string> Scenarios => ["crashing-handlers"];

    public override RunParts Parts { get; } =
        new ReaderParts((descriptor, handlers, view, time, limit) => new HashingReader(descriptor, handlers, view, time, limit));

    private sealed class HashingReader(IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int limit)
        : FaultReader(descriptor, handlers, view, time, limit)
    {
        private List<object>? _pages;

        internal override ulong? HandlerCrashed(int handler, PageRequest? during)
        {
            _pages = [];
            ulong? page = base.HandlerCrashed(handler, during);
            List<object> pages = _pages;
            _pages = null;
            foreach (object address in pages.OrderBy(System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode)) base.Wake((ulong)address);
            return page;
        }

        internal override void Wake(ulong address)
        {
            if (_pages is null) base.Wake(address);
            else _pages.Add(address);
        }
    }
}

/// <summary>Parts with another clock.</summary>
internal sealed class TimeParts(Func<RingTime, RingTime> make) : RunParts
{
    public override RingTime NewTime(RingTime time) => make(time);
}

/// <summary>Parts with another background push.</summary>
internal sealed class PushParts(Type push) : RunParts
{
    public override Props PushProps(VmContext vm, PushOptions options) => Props.Create(push, vm, options).WithDispatcher(vm.DispatcherId);
}
