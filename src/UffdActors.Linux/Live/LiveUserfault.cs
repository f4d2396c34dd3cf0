using System.Runtime.InteropServices;
using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Worlds;

namespace UffdActors.Linux.Live;

/// <summary>A userfaultfd of the kernel, with the backends that fill through it.</summary>
internal sealed class LiveUserfault(
    VmRoot vm, LiveKernel kernel, LiveDescriptor descriptor, IActorRef actor, AdoptedUserfault? adopted = null) : KernelUserfault
{
    // Calls over a few pages in one turn: a fault waits for half a millisecond.
    private const int CallsInTurn = 32;

    // By number of the region; read at every fault.
    private LiveTarget?[] _targets = [];
    private readonly Lock _gate = new();
    private LiveMemory[] _aliases = [];
    private readonly LocalTarget _context = new(actor);
    private FaultReader? _reader;
    private long _changes;

    /// <inheritdoc />
    public override IUffdDescriptor Descriptor => descriptor;

    /// <inheritdoc />
    public override OwnerWatch Owner { get; } = adopted?.IsOfAnother == true
        ? new OwnerWatch(adopted.ProcessId is { } id ? OwnerWatch.NameOf(id) : null, descriptor.Uffd.IsMemoryGone, vm.Context.Incidents)
        : new OwnerWatch("this process", null, vm.Context.Incidents);

    /// <inheritdoc />
    public override bool IsTakenOver => adopted is not null;

    /// <inheritdoc />
    public override IActorRef Actor => _context.Actor;

    /// <summary>Sends the context's actor a message; at every fault.</summary>
    public void Tell(object message) => _context.Tell(message);

    /// <summary>The kernel's object.</summary>
    public UffdDescriptor Uffd => descriptor.Uffd;

    /// <summary>Grows with every event that was read: a fill that was decided before it must not be issued after it (RING R9).</summary>
    public long Epoch => _reader?.EventEpoch ?? 0;

    /// <inheritdoc />
    public override int WaitingThreads => Uffd.ReadFdInfo().Total;

    /// <inheritdoc />
    public override SafeHandle OpenDescriptor()
    {
        try
        {
            return PolledDescriptor.Duplicate(Uffd.Handle);
        }
        catch (SyscallException e)
        {
            throw e.ToRefusal();
        }
    }

    /// <inheritdoc />
    public override MonitorThread NewMonitorThread() => new LiveThread(this);

    /// <inheritdoc />
    /// <remarks>
    /// Not where events come: whoever raised one goes on as soon as it has been read, and a fill that was decided before would be made
    /// after it (RING R9). Nor of one that was taken over, of which another process may still read.
    /// </remarks>
    public override MonitorThread? NewPushThread() =>
        adopted is null && !descriptor.ReportsEvents ? new LivePushThread(this, vm.Context.Incidents) : null;

    /// <inheritdoc />
    public override void AwaitFills()
    {
        lock (descriptor.Filling) _changes++;
    }

    /// <summary>Held while a push on a thread of its own fills.</summary>
    public Lock Filling => descriptor.Filling;

    /// <summary>
    /// Grows with every call of the embedder, and when a region has gone: what a push on a thread of its own has decided before is not
    /// called for after it.
    /// </summary>
    public long Changes => Volatile.Read(ref _changes);

    /// <summary>Makes a call of a push on a thread of its own, if what it was decided on still stands.</summary>
    /// <param name="decidedOn"><see cref="Changes"/> before the decision.</param>
    /// <param name="call">The call.</param>
    /// <returns>EAGAIN: it has to be decided anew. EBADF: the userfaultfd has been closed.</returns>
    public Errno Fill(long decidedOn, Action call)
    {
        lock (descriptor.Filling)
        {
            if (descriptor.IsClosed) return Errno.EBADF;
            if (decidedOn != _changes) return Errno.EAGAIN;
            call();
            return Errno.None;
        }
    }

    /// <inheritdoc />
    public override void Serve(FaultReader reader)
    {
        _reader = reader;
        descriptor.Serves(reader);
    }

    /// <inheritdoc />
    public override async Task<UffdIoctls> RegisterAsync(GuestRegion region, RegisterModes modes, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        LiveMemory memory = kernel.MemoryOf(region);
        if (memory.IsInOtherProcess != (adopted?.IsOfAnother ?? false))
            throw new InvalidOperationException(
                $"Region {region.Id} and the userfaultfd are not of one process: a userfaultfd acts on the memory of the process that has "
                    + $"opened it.");
        if (adopted?.ProcessId is { } opener && memory.Process?.Process is { } owner && opener != owner)
            throw new InvalidOperationException(
                $"Region {region.Id} is memory of process {owner}, and process {opener} has opened the userfaultfd: it acts on the memory "
                    + $"of that one.");
        Owner.Name(memory.Process?.Process);
        // Before its first fault can come.
        Add(new LiveTarget(region.Id, memory, new LocalTarget(await kernel.BackendAsync(memory.Guest.Backing))));
        Errno error = descriptor.Register(memory.Guest, modes, memory.RegisteredAs, out UffdIoctls ioctls);
        return error == Errno.None ? ioctls : throw RegisterRefusal.Of(memory, modes, error);
    }

    /// <inheritdoc />
    public override Task<IoctlResult> UnregisterAsync(GuestRegion region, PageRange pages, RegisterModes modes, CancellationToken cancel) =>
        CallAsync(
            kernel.MemoryOf(region).Guest,
            () => new IoctlResult(descriptor.Unregister(region.AddressOf(pages.Start), region.AddressOf(pages.End), modes), null),
            cancel);

    /// <inheritdoc />
    public override Task<IoctlResult> WriteProtectAsync(
        GuestRegion region, PageRange pages, WriteProtectModes modes, CancellationToken cancel) =>
        CallAsync(kernel.MemoryOf(region).Guest, () => Uffd.WriteProtect(region.AddressOf(pages.Start), Bytes(pages), modes), cancel);

    /// <inheritdoc />
    public override async Task<(int Done, IoctlResult Last)> WriteProtectAsync(
        GuestRegion region, IReadOnlyList<PageRange> ranges, WriteProtectModes modes, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        int done = 0;
        TaskCompletionSource<IoctlResult> over = vm.NewCompletion<IoctlResult>();
        IActorRef backend = await kernel.BackendAsync(kernel.MemoryOf(region).Guest.Backing);
        backend.Tell(new LiveJob(Turn, over, cancel), ActorRefs.NoSender);
        IoctlResult last = await vm.OrFailed(over.Task);
        return (done, last);

        // Behind what has come meanwhile: faults are served between two turns, and no other thread has to get a CPU for the next one.
        IoctlResult? Turn()
        {
            IoctlResult answer = InTurn(Some);
            if (answer.IsDone && done < ranges.Count)
            {
                backend.Tell(new LiveJob(Turn, over, CancellationToken.None), ActorRefs.NoSender);
                return null;
            }

            return answer;
        }

        IoctlResult Some()
        {
            IoctlResult answer = new(Errno.None, null);
            for (int calls = 0; calls < CallsInTurn && done < ranges.Count; calls++)
            {
                answer = Uffd.WriteProtect(region.AddressOf(ranges[done].Start), Bytes(ranges[done]), modes);
                if (!answer.IsDone) break;
                done++;
            }

            return answer;
        }
    }

    /// <inheritdoc />
    public override Task<IReadOnlyList<PageRange>> TakeWrittenAsync(
        GuestRegion region, PageRange pages, ulong address, CancellationToken cancel) =>
        ScanAsync(region, pages, address, protect: true, withEmpty: true, cancel);

    /// <inheritdoc />
    public override Task<IReadOnlyList<PageRange>> FindWrittenAsync(
        GuestRegion region, PageRange pages, ulong address, CancellationToken cancel) =>
        ScanAsync(region, pages, address, protect: false, withEmpty: region.Module is not null, cancel);

    private Task<IReadOnlyList<PageRange>> ScanAsync(
        GuestRegion region, PageRange pages, ulong address, bool protect, bool withEmpty, CancellationToken cancel)
    {
        // Looks at page tables only; the ring goes on meanwhile.
        LiveMemory memory = kernel.MemoryOf(region);
        ProcessMemory process = kernel.ProcessOf(memory)
            ?? throw new InvalidOperationException(
                $"Region {region.Id} is memory of another process, whose page table tells what was written; name the process when the "
                    + $"memory is adopted (AdoptedMemory.ProcessId).");
        return Task.Run(
            () => GuestRegion.PagesOf(
                WrittenPages.Scan(process, address, address + (ulong)Bytes(pages), protect, withEmpty),
                PageSize.PageOf(address) - pages.Start),
            cancel);
    }

    /// <inheritdoc />
    public override Task<IoctlResult> MoveAsync(
        GuestRegion destination, PageRange pages, ulong source, MoveModes modes, CancellationToken cancel) =>
        CallAsync(
            kernel.MemoryOf(destination).Guest, () => Uffd.Move(destination.AddressOf(pages.Start), source, Bytes(pages), modes), cancel);

    /// <inheritdoc />
    public override Task<IoctlResult> PoisonAsync(GuestRegion region, PageRange pages, CancellationToken cancel) =>
        CallAsync(kernel.MemoryOf(region).Guest, () => Uffd.Poison(region.AddressOf(pages.Start), Bytes(pages)), cancel);

    /// <summary>True once no call is made on it any more.</summary>
    public bool IsClosed => descriptor.IsClosed;

    /// <inheritdoc />
    public override void Ask(Func<Absence> absence) => descriptor.Ask(absence);

    /// <inheritdoc />
    public override bool WillClose(ClosingReason reason) => kernel.WillClose(descriptor, reason);

    /// <inheritdoc />
    public override void Closes(ClosingReason reason) => descriptor.Closes(reason);

    /// <inheritdoc />
    public override IReadOnlyList<AdoptedUserfault> TakeChildren() => descriptor.Children.Take();

    /// <inheritdoc />
    public override bool LacksRemoveEvents(GuestRegion region) =>
        (descriptor.Features & UffdFeatures.EventRemove) != 0 && kernel.MemoryOf(region).IsPunched;

    /// <inheritdoc />
    public override Task CloseAsync(CancellationToken cancel)
    {
        return vm.StopAsync([_context.Actor]);
    }

    /// <summary>What is filled at an address of the guest, by the events read so far; null if nothing is served there.</summary>
    public LiveTarget? TargetAt(ulong address)
    {
        if (_reader?.View.Find(PageSize.PageOf(address)) is not { } region) return null;
        LiveTarget?[] targets = Volatile.Read(ref _targets);
        return region.Id < targets.Length ? targets[region.Id] : null;
    }

    /// <summary>
    /// The alias that is mapped at an address of this process, which may be one of the guest's in another; null if there is none.
    /// </summary>
    public GuestMemory? AliasAt(ulong address)
    {
        LiveMemory[] aliases = Volatile.Read(ref _aliases);
        int low = 0;
        int high = aliases.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (aliases[middle].Alias!.End > address) high = middle;
            else low = middle + 1;
        }

        return low < aliases.Length && !aliases[low].IsUnmapped && aliases[low].Alias!.Address <= address ? aliases[low].Alias : null;
    }

    /// <summary>What the page table has of a page: whether it is mapped, and protected; null if that cannot be told.</summary>
    public (bool IsMapped, bool IsProtected)? EntryOf(ulong address)
    {
        if (TargetAt(address) is not { } target || kernel.ProcessOf(target.Memory) is not { } process) return null;
        try
        {
            PagemapFlags entry = process.Entry(address, out _);
            return ((entry & PagemapFlags.Present) != 0, (entry & PagemapFlags.UffdWp) != 0);
        }
        catch (Exception e) when (e is UffdException or SyscallException)
        {
            // The process has ended; the call that follows returns the error.
            return null;
        }
    }

    private void Add(LiveTarget target)
    {
        lock (_gate)
        {
            LiveTarget?[] targets = _targets;
            // The table doubles, so that adding thousands of regions does not copy it thousands of times.
            if (target.Region >= targets.Length) Array.Resize(ref targets, Math.Max(target.Region + 1, targets.Length * 2));
            targets[target.Region] = target;
            Volatile.Write(ref _targets, targets);
            if (target.Memory.Alias is not { } alias) return;
            // The address of an alias that was unmapped may be in use again.
            LiveMemory[] aliases = [.. _aliases.Where(m => !m.IsUnmapped)];
            int behind = aliases.Count(m => m.Alias!.Address > alias.Address);
            Volatile.Write(ref _aliases, [.. aliases[..^behind], target.Memory, .. aliases[^behind..]]);
        }
    }

    private static long Bytes(PageRange pages) => pages.Count << PageSize.BaseShift;

    /// <summary>
    /// Makes a call in a turn of the backend. Cancellation counts until that turn; then the call is made, and its end is waited for.
    /// </summary>
    private async Task<IoctlResult> CallAsync(GuestMemory memory, Func<IoctlResult> call, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        TaskCompletionSource<IoctlResult> done = vm.NewCompletion<IoctlResult>();
        (await kernel.BackendAsync(memory.Backing)).Tell(new LiveJob(() => InTurn(call), done, cancel), ActorRefs.NoSender);
        return await vm.OrFailed(done.Task);
    }

    private IoctlResult InTurn(Func<IoctlResult> call)
    {
        // A userfaultfd that is left open for its guest takes no calls.
        ObjectDisposedException.ThrowIf(descriptor.IsClosed, typeof(Userfault));
        lock (descriptor.Filling)
        {
            _changes++;
            return call();
        }
    }
}
