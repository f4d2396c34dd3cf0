using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Dispatch;
using UffdActors.Explore.Mutants;
using UffdActors.Explore.Scenes;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
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
            if (Fill.Call.Error != Errno.ESRCH)
            {
                base.Filling();
                return;
            }

            Fill.Mark(Fill.PagesLeft);
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
