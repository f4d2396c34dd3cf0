using UffdActors.Dispatch;
using UffdActors.Explore.Mutants;
using UffdActors.Explore.Scenes;
using UffdActors.Handling;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Paging;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;
using UffdActors.Worlds;

namespace UffdActors.Mutants;

/// <summary>RING R1: the fault is queued without another look, so a wake-up between look and queue is lost.</summary>
internal sealed class QueuesWithoutLooking : Mutant
{
    public override string Name => "queues-without-looking";

    public override string Rule => "R1";

    public override string Bug => "The context queues a fault without deciding again on what is published";

    public override IReadOnlyList<string> Scenarios => ["tiny-fault", "racing-resolvers", "unregister-under-faults"];

    public override RunParts Parts { get; } = new Blind();

    private sealed class Blind : RunParts
    {
        public override Access NewAccess(Caller thread) => new BlindAccess(thread);
    }

    private sealed class BlindAccess(Caller thread) : Access(thread)
    {
        internal override bool MustWait(UserfaultContext context) => !context.IsReleased;
    }
}

/// <summary>RING R1: UNREGISTER wakes before it publishes, so the waiters find the range registered and sleep again.</summary>
internal sealed class UnregisterWakesFirst : Mutant
{
    public override string Name => "unregister-wakes-first";

    public override string Rule => "R1";

    public override string Bug => "UNREGISTER wakes the waiters before it publishes that the range is not registered any more";

    public override IReadOnlyList<string> Scenarios => ["unregister-under-faults"];

    public override RunParts Parts { get; } = new Hasty();

    private sealed class Hasty : RunParts
    {
        public override Operation NewUnregister(Caller thread, UserfaultContext context, ulong start, ulong length) =>
            new HastyUnregister(thread, context, start, length);
    }

    private sealed class HastyUnregister(Caller thread, UserfaultContext context, ulong start, ulong length)
        : Unregister(thread, context, start, length)
    {
        private readonly UserfaultContext _context = context;
        private readonly ulong _start = start;
        private readonly ulong _end = start + length;

        private protected override IEnumerable<Owner?> Stages()
        {
            yield return _context;
            _context.Wake(_start, _end);
            yield return Caller;
            foreach (Owner? next in base.Stages()) yield return next;
        }

        internal override void WakeParts(IReadOnlyList<PageRange> parts)
        {
        }
    }
}

/// <summary>RING R2: a fill does not notice that something has begun to change since it was decided.</summary>
internal sealed class IgnoresEpoch : Mutant
{
    public override string Name => "ignores-epoch";

    public override string Rule => "R2";

    public override string Bug => "A fill is installed although a change of the address space has begun since it was decided";

    public override IReadOnlyList<string> Scenarios => ["two-vcpus-one-madvise", "push-and-demand", "shmem-remove"];

    public override RunParts Parts { get; } =
        new FillParts(thread => new StaleFill(thread), (caller, context, request) => new StaleModelFill(caller, context, request));

    private sealed class StaleFill(Caller thread) : Fill(thread)
    {
        internal override bool EpochHasChanged => false;
    }

    private sealed class StaleModelFill(Caller caller, UserfaultContext context, PageRequest? request) : ModelFill(caller, context, request)
    {
        internal override bool EpochHasChanged => false;
    }
}

/// <summary>RING R2: a fill does not notice that the map is another one than it was decided on.</summary>
internal sealed class IgnoresMap : Mutant
{
    public override string Name => "ignores-map";

    public override string Rule => "R2";

    public override string Bug => "A fill is installed by a map that is not the published one any more";

    public override IReadOnlyList<string> Scenarios =>
        ["unregister-under-faults", "copy-from-missing", "unmap-under-faults", "remap-under-faults", "close-under-faults",
            "unmap-without-events"];

    public override RunParts Parts { get; } =
        new FillParts(thread => new StaleFill(thread), (caller, context, request) => new StaleModelFill(caller, context, request));

    private sealed class StaleFill(Caller thread) : Fill(thread)
    {
        internal override bool MapHasChanged => false;
    }

    private sealed class StaleModelFill(Caller caller, UserfaultContext context, PageRequest? request) : ModelFill(caller, context, request)
    {
        internal override bool MapHasChanged => false;
    }
}

/// <summary>RING R2: a fill wakes on the context that owns the destination instead of the one it was called on.</summary>
internal sealed class WakesOwner : Mutant
{
    public override string Name => "wakes-owner";

    public override string Rule => "R2";

    public override string Bug => "A fill wakes the threads of the context that owns the page, not of the one that was called";

    public override IReadOnlyList<string> Scenarios => ["two-contexts"];

    public override RunParts Parts { get; } =
        new FillParts(thread => new OwnerFill(thread), (caller, context, request) => new ModelFill(caller, context, request));

    private sealed class OwnerFill(Caller thread) : Fill(thread)
    {
        internal override UserfaultContext WokenContext =>
            (UserfaultContext?)Context.Mm.Map.Find(PageSize.PageOf(Start))?.Context ?? Context;
    }
}

/// <summary>RING R3: fills and populates go on while the address space changes VMAs.</summary>
internal sealed class IgnoresHold : Mutant
{
    public override string Name => "ignores-hold";

    public override string Rule => "R3";

    public override string Bug => "The owner of a VMA lets fills and populates in while the address space holds it";

    public override IReadOnlyList<string> Scenarios =>
        ["fork-under-writes", "move-pages", "unmap-under-faults", "remap-under-faults", "unregister-under-faults"];

    public override RunParts Parts { get; } = new Open();

    private sealed class Open : RunParts
    {
        public override AddressSpace NewAddressSpace(Machine machine) => new OpenSpace(machine);
    }

    private sealed class OpenSpace(Machine machine) : AddressSpace(machine)
    {
        internal override VmaOwner MakeOwner(int number) => new OpenOwner(this, number);
    }

    private sealed class OpenOwner(AddressSpace mm, int number) : VmaOwner(mm, number)
    {
        internal override bool IsHeld
        {
            get => false;
            set { }
        }
    }
}

/// <summary>RING R4: the event is queued without waiting for fills that are under way.</summary>
internal sealed class QueuesWithoutFence : Mutant
{
    public override string Name => "queues-without-fence";

    public override string Rule => "R4";

    public override string Bug => "An event is queued while a fill that was decided before is still being written";

    public override IReadOnlyList<string> Scenarios => ["event-unread"];

    public override RunParts Parts { get; } = new Unfenced();

    private sealed class Unfenced : RunParts
    {
        public override AddressSpace NewAddressSpace(Machine machine) => new UnfencedSpace(machine);
    }

    private sealed class UnfencedSpace(Machine machine) : AddressSpace(machine)
    {
        internal override IEnumerable<VmaOwner> OwnersToFence() => [];
    }
}

/// <summary>RING R5: CONTINUE maps the folio that its hook found, without looking at the slot again.</summary>
internal sealed class ContinueTrustsItsHook : Mutant
{
    public override string Name => "continue-trusts-its-hook";

    public override string Rule => "R5";

    public override string Bug => "CONTINUE maps the page that the hook found, although a hole may have been punched since";

    public override IReadOnlyList<string> Scenarios => ["punch-under-fills"];

    public override RunParts Parts { get; } =
        new FillParts(thread => new TrustingFill(thread), (caller, context, request) => new ModelFill(caller, context, request));

    private sealed class TrustingFill(Caller thread) : Fill(thread)
    {
        internal override Errno InstallOne(Vma vma, long page, uint folio, bool wp)
        {
            if (Kind != FillKind.Continue) return base.InstallOne(vma, page, folio, wp);
            if (vma.Owner.Mm.EntryAt(page).IsPresent) return Errno.EEXIST;
            vma.Owner.Mm.SetEntry(page, Entry.File(folio).WithWp(wp));
            return Errno.None;
        }
    }
}

/// <summary>RING R5: a punched page is freed before its mappings are gone.</summary>
internal sealed class PunchFreesFirst : Mutant
{
    public override string Name => "punch-frees-first";

    public override string Rule => "R5";

    public override string Bug => "A hole's pages are freed before the mappings of them are zapped";

    public override IReadOnlyList<string> Scenarios => ["hole-under-readers", "punch-under-fills"];

    public override RunParts Parts { get; } = new Hasty();

    private sealed class Hasty : RunParts
    {
        public override Operation NewPunch(Caller thread, MemoryFile file, long offset, long length) =>
            new HastyPunch(thread, file, offset, length);
    }

    private sealed class HastyPunch(Caller thread, MemoryFile file, long offset, long length) : PunchHole(thread, file, offset, length)
    {
        private readonly MemoryFile _file = file;
        private readonly long _first = offset >> PageSize.BaseShift;
        private readonly long _end = (offset + length) >> PageSize.BaseShift;

        private protected override IEnumerable<Owner?> Stages()
        {
            for (long index = _first; index < _end; index++)
            {
                if (_file.Remove(index) is { IsPresent: true } slot) _file.Store.Free(slot.Folio);
            }

            foreach (AddressSpace mm in _file.Mappers)
            {
                foreach (Owner? next in Lock(mm)) yield return next;
                foreach (Vma vma in mm.Map.Vmas.ToArray())
                {
                    if (vma.File != _file) continue;
                    yield return vma.Owner;
                    long start = vma.Range.Start - vma.Offset;
                    PageRange part = vma.Range.Intersect(new PageRange(start + _first, start + _end));
                    Zap.Run(vma, part, ZapCause.Punch);
                }

                yield return mm;
                mm.Unlock();
            }
        }
    }
}

/// <summary>RING R6: MOVE works without holding its two VMAs.</summary>
internal sealed class MovesWithoutHold : Mutant
{
    public override string Name => "moves-without-hold";

    public override string Rule => "R6";

    public override string Bug => "MOVE takes pages out of one VMA and into another while both go on filling";

    public override IReadOnlyList<string> Scenarios => ["move-pages"];

    public override RunParts Parts { get; } = new Loose();

    private sealed class Loose : RunParts
    {
        public override Operation NewMove(Caller thread, UserfaultContext context, ulong destination, ulong source, ulong length) =>
            new LooseMove(thread, context, destination, source, length);
    }

    private sealed class LooseMove(Caller thread, UserfaultContext context, ulong destination, ulong source, ulong length)
        : Move(thread, context, destination, source, length, 0)
    {
        internal override IEnumerable<Owner?> HoldBoth(AddressSpace mm, PageRange source, PageRange destination, List<VmaOwner> held) => [];
    }
}

/// <summary>RING R7: a COPY that slept on its source goes on as if nothing could have happened.</summary>
internal sealed class SleepsAndGoesOn : Mutant
{
    public override string Name => "sleeps-and-goes-on";

    public override string Rule => "R7";

    public override string Bug => "A COPY that slept on its source installs by what it had looked up before";

    public override IReadOnlyList<string> Scenarios => ["copy-from-missing"];

    public override RunParts Parts { get; } =
        new FillParts(thread => new SleepyFill(thread), (caller, context, request) => new ModelFill(caller, context, request));

    private sealed class SleepyFill(Caller thread) : Fill(thread)
    {
        private bool _slept;

        internal override bool EpochHasChanged => !_slept && base.EpochHasChanged;

        internal override bool MapHasChanged => !_slept && base.MapHasChanged;

        internal override bool ValidateAfterSleep()
        {
            _slept = true;
            return true;
        }
    }
}

/// <summary>RING R8: nobody waits for a thread that is about to touch what is taken away.</summary>
internal sealed class NoShootdown : Mutant
{
    public override string Name => "no-shootdown";

    public override string Rule => "R8";

    public override string Bug => "Entries are downgraded and folios freed without waiting for threads that have looked them up";

    public override IReadOnlyList<string> Scenarios => ["protected-stays", "hole-under-readers", "move-pages", "fork-under-writes"];

    public override RunParts Parts { get; } = new Unguarded();

    private sealed class Unguarded : RunParts
    {
        public override AddressSpace NewAddressSpace(Machine machine) => new UnguardedSpace(machine);
    }

    private sealed class UnguardedSpace(Machine machine) : AddressSpace(machine, 0, new NoGuards());

    private sealed class NoGuards : GuardSet
    {
        internal override bool AnyIn(PageRange range) => false;
    }
}

/// <summary>RING R9: the check of a page against the reader's view is made on the view of the beginning.</summary>
internal sealed class HandlerDoesNotLook : Mutant
{
    public override string Name => "handler-does-not-look";

    public override string Rule => "R9";

    public override string Bug => "A handler fills by what it knew when it started, not by the view of the turn in which it fills";

    public override IReadOnlyList<string> Scenarios => ["two-vcpus-one-madvise", "shmem-remove", "push-and-demand", "remap-under-faults"];

    public override RunParts Parts { get; } =
        new ReaderParts((descriptor, handlers, view, time, limit) => new StaleReader(descriptor, handlers, view, time, limit));

    private sealed class StaleReader(IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int limit)
        : FaultReader(descriptor, handlers, view, time, limit)
    {
        // What is removed later is not in it.
        private readonly RegionView _first = RegionView.Of(view.Regions.Select(r => r with { Pages = new RegionPages(r.Received) }));

        internal override RegionView View => _first;
    }
}

/// <summary>RING R9: two faults of one page become two requests.</summary>
internal sealed class NeverMerges : Mutant
{
    public override string Name => "never-merges";

    public override string Rule => "R9";

    public override string Bug => "Each fault of a page becomes a request of its own";

    public override IReadOnlyList<string> Scenarios => ["two-vcpus-one-madvise", "push-and-demand"];

    public override RunParts Parts { get; } =
        new ReaderParts((descriptor, handlers, view, time, limit) => new ForgetfulReader(descriptor, handlers, view, time, limit));

    private sealed class ForgetfulReader(IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int limit)
        : FaultReader(descriptor, handlers, view, time, limit)
    {
        internal override PageRequest? FindOutstanding(ulong address) => null;
    }
}

/// <summary>RING R9: a fault at the new place of a region that comes before the region's REMAP is forgotten.</summary>
internal sealed class ForgetsStrays : Mutant
{
    public override string Name => "forgets-strays";

    public override string Rule => "R9";

    public override string Bug => "A fault that is read before the event which explains it is never looked at again";

    public override IReadOnlyList<string> Scenarios => ["remap-under-faults"];

    public override RunParts Parts { get; } =
        new ReaderParts((descriptor, handlers, view, time, limit) => new ForgetfulReader(descriptor, handlers, view, time, limit));

    private sealed class ForgetfulReader(IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int limit)
        : FaultReader(descriptor, handlers, view, time, limit)
    {
        internal override void WakeStrays()
        {
        }
    }
}
