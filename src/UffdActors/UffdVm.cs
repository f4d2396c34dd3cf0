using System.Runtime.InteropServices;
using System.Threading.Channels;
using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Calls;
using UffdActors.Dispatch;
using UffdActors.Handling;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Statistics;
using UffdActors.Worlds;

namespace UffdActors;

/// <summary>
/// A VM: guest memory in regions, userfaultfds that serve them, vCPUs that touch them. The same in every world; what is under it is a
/// <see cref="VmKernel"/>.
/// </summary>
/// <remarks>Safe for any thread; on the stepped dispatcher, for the thread that made the runtime.</remarks>
public sealed class UffdVm : IAsyncDisposable, IMeteredVm
{
    private readonly UffdRuntime _runtime;
    private readonly VmRoot _root;
    private readonly VmKernel _kernel;
    private readonly VmGuest _guest;
    private readonly Lock _gate = new();
    private readonly List<Userfault> _userfaults = [];
    private readonly Lazy<Task> _closing;
    private readonly AbsentPages _absentPages;

    internal UffdVm(UffdRuntime runtime, VmRoot root, World world, VmOptions options, LoopPlace loopPlace)
    {
        LoopPlace = loopPlace;
        _runtime = runtime;
        _root = root;
        _closing = new Lazy<Task>(CloseAsync);
        _absentPages = options.AbsentPagesAtDisposal;
        _kernel = world.NewKernel(root, options);
        if (Context.Time is VmLoop loop) loop.Failed += OnLoopFailed;
        _guest = new VmGuest(root, _kernel, options.StopGuest, options.FaultObserver);
        root.Start();
        UffdMeter.Add(this);
    }

    /// <summary>Name for reports.</summary>
    public string Name => Context.Name;

    /// <summary>What it runs on, for reports.</summary>
    public VmPlace Place => new(_runtime.Settings.World, _kernel.Name, (Context.Time as VmLoop)?.Cpu, _kernel.VcpuCpu);

    /// <summary>What went wrong; bounded, the oldest are dropped.</summary>
    public ChannelReader<Incident> Incidents => Context.Incidents.Reader;

    /// <summary>Incidents that were not read in time.</summary>
    public long DroppedIncidents => Context.Incidents.Dropped;

    /// <summary>Ends with the cause if the VM fails closed.</summary>
    public Task<Exception> Failed => _root.Failed;

    /// <summary>The regions of guest memory.</summary>
    public IReadOnlyList<GuestRegion> Regions => _kernel.Regions.All;

    /// <summary>Native bytes of bookkeeping: page tables, page caches, folio counts; without content. 0 in the live world.</summary>
    public long BookkeepingBytes => _kernel.BookkeepingBytes;

    /// <summary>Nanoseconds of the clock that the VM's faults are stamped with: virtual on the stepped dispatcher.</summary>
    public long Now => Context.Time.Now;

    long IMeteredVm.Outstanding => Userfaults().Sum(u => (long)u.Outstanding);

    (long Bytes, long Zeros) IMeteredVm.PushedPages =>
        (Userfaults().Sum(u => u.Pushed().Sum(p => p.Push.Pages)), Userfaults().Sum(u => u.Pushed().Sum(p => p.Push.ZeroPages)));

    long IMeteredVm.PushedBytes => Userfaults().Sum(u => u.Pushed().Sum(p => p.Push.Pages * p.PageBytes));

    /// <summary>What becomes of absent pages in the end.</summary>
    internal AbsentPages AbsentPagesAtDisposal => _absentPages;

    internal VmContext Context => _root.Context;

    internal VmRoot Root => _root;

    internal VmKernel Kernel => _kernel;

    internal VmGuest Guest => _guest;

    /// <summary>Where its actors run.</summary>
    internal LoopPlace LoopPlace { get; }

    internal UffdSettings Settings => _root.Settings;

    /// <summary>
    /// Touches physical memory of the model that is not used yet, so that no measurement pays for page faults of the host.
    /// </summary>
    /// <param name="pages">Base pages, at most; a guest that is mostly zeros needs few.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="ObjectDisposedException">The VM has been disposed of.</exception>
    public void PrefaultMemory(long pages = long.MaxValue, CancellationToken cancellationToken = default)
    {
        _root.ThrowIfClosed();
        _kernel.PrefaultMemory(pages, cancellationToken);
    }

    /// <summary>Adds a region of guest memory. A call that is refused leaves nothing behind.</summary>
    /// <exception cref="ArgumentException">
    /// The size is none, or not whole pages of the module; or an alias is asked for of anonymous memory.
    /// </exception>
    /// <exception cref="ModuleException">There is no such memory module.</exception>
    /// <exception cref="UffdException">
    /// The kernel refuses to map it. ENOMEM: there is no room in the address space, too many mappings, not enough huge pages, or not enough
    /// memory for an alias; EACCES, EINVAL: the module does not allow it; EIO: the module's code failed. Live also what this machine lacks,
    /// as <c>UnsupportedMachineException</c>.
    /// </exception>
    /// <exception cref="VmFailedException">
    /// The VM has failed closed, or the owner of its actor system has terminated that; every call ends so then.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The VM has been disposed of; every call ends so then.</exception>
    public async Task<GuestRegion> MapAsync(RegionOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ThrowIfNoSize(options.Pages);
        if (options.WithAlias && options.Module is null)
            throw new ArgumentException(
                $"Anonymous memory cannot be mapped a second time; leave out {nameof(RegionOptions.WithAlias)}, or name a memory module.",
                nameof(options));
        _root.ThrowIfClosed();
        cancellationToken.ThrowIfCancellationRequested();
        return Add(
            await UffdActivities.CallAsync("map", Name, () => _kernel.MapAsync(options, cancellationToken)), options.Pages, options.Module,
            isAdopted: false, options.IsFilled, options.LeavesAliasEmpty);
    }

    /// <summary>Adds a region of guest memory that other code has mapped and goes on to own. Live world only.</summary>
    /// <exception cref="NotSupportedException">The model has no memory but its own.</exception>
    /// <exception cref="ArgumentException">
    /// Address, size or offset is not one of such memory, or the file is shorter than the region.
    /// </exception>
    /// <exception cref="ModuleException">There is no such memory.</exception>
    /// <exception cref="UffdException">Its descriptor cannot be mapped, or its pages cannot be allocated.</exception>
    public async Task<GuestRegion> AdoptMemoryAsync(AdoptedMemory memory, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ThrowIfNoSize(memory.Pages);
        if (memory.Written is { } written && written.Pages != memory.Pages)
            throw new ArgumentException($"The journal is of {written.Pages} pages, and the memory has {memory.Pages}.", nameof(memory));
        _root.ThrowIfClosed();
        cancellationToken.ThrowIfCancellationRequested();
        return Add(
            await UffdActivities.CallAsync(
                "adopt_memory", Name, () => _kernel.AdoptAsync(memory, cancellationToken)), memory.Pages, memory.Module,
            isAdopted: true, memory.IsFilled, written: memory.Written);
    }

    /// <summary>
    /// Unmaps a region and its alias, but none that was adopted. Waits until the event has been read, if its context asked for one. The
    /// region is used up by it: every later call with it ends with <see cref="InvalidOperationException"/>, and of two calls at the same
    /// time one. Threads that wait for its pages are woken, and a thread that touches it touches what is not mapped: stop them first, for
    /// in this process that is the end of the process. A push of it ends with an exception.
    /// </summary>
    /// <remarks>It goes in slices of 16 MiB, between which faults elsewhere are served; once begun it goes on to its end.</remarks>
    /// <exception cref="UffdException">
    /// The kernel refuses; the region is as before. If it refuses behind the first slice the message says so: the region is used up, and
    /// calling again finishes it.
    /// </exception>
    /// <exception cref="InvalidOperationException">It has been unmapped already, or was adopted.</exception>
    /// <exception cref="ArgumentException">It is a region of another VM; every call with one ends so.</exception>
    public async Task UnmapAsync(GuestRegion region, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(region);
        region.ThrowIfForeign(_root);
        region.ThrowIfUnmappedInFull();
        _root.ThrowIfClosed();
        if (region.IsAdopted)
            throw new InvalidOperationException(
                $"Region {region.Id} belongs to the code that has mapped it; unregister it, and have it unmapped there.");
        cancellationToken.ThrowIfCancellationRequested();
        Task unmapping = region.UnmapAsync(
            () => UffdActivities.CallAsync("unmap", Name, () => UnmapOnceAsync(region, cancellationToken)));
        try
        {
            await unmapping.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (!unmapping.IsCanceled)
        {
            _ = _root.ReportLateAsync("munmap", unmapping);
            throw;
        }
    }

    /// <summary>Takes pages of a region away (<c>madvise</c>). Waits until the event has been read, if its context asked for one.</summary>
    /// <remarks>
    /// Of another process's memory (<see cref="AdoptedMemory.ProcessId"/>) the kernel lets others only page out (<c>process_madvise</c>);
    /// what is removed is punched out of the memory's own file, if its descriptor was handed over. That raises no event, so it counts as
    /// removed from the beginning of the call on, if the userfaultfd is served and has asked for such events.
    /// It is made in pieces of 16 MiB, between which faults are served; cancelled, it ends with the piece that it is at.
    /// </remarks>
    /// <exception cref="ArgumentException">The pages are not in the region, or there is no such advice.</exception>
    /// <exception cref="UffdException">
    /// The kernel refuses. EINVAL: the memory does not take the advice, or huge pages, and the range does not begin on one; ENOMEM: a part
    /// is not mapped any more; ESRCH: the process whose memory it is has ended, or executes another program.
    /// </exception>
    /// <exception cref="InvalidOperationException">The region has been unmapped.</exception>
    public Task AdviseAsync(GuestRegion region, long firstPage, long pages, Advice advice, CancellationToken cancellationToken = default)
    {
        ThrowIfUnusable(region);
        PageRange range = region.Range(firstPage, pages);
        if (!Enum.IsDefined(advice)) throw new ArgumentOutOfRangeException(nameof(advice), advice, "There is no such advice.");
        // What has taken the place of a process that executes another program must not be advised.
        foreach (Userfault userfault in Userfaults()) userfault.ThrowIfOwnerGone(region, "madvise");
        return UffdActivities.CallAsync(
            "madvise", Name,
            async () =>
            {
                if (advice == Advice.Remove)
                    foreach (Userfault userfault in Userfaults()) await userfault.AnnounceRemovalAsync(region, range);
                await SlicedAdvice.MakeAsync(_kernel, region, range, advice, part => NoteAdvised(region, part, advice), cancellationToken);
                if (advice == Advice.Remove || (advice == Advice.DontNeed && region.Module is null))
                    foreach (Userfault userfault in Userfaults()) await userfault.SettleZeroedAsync(region, range);
            });
    }

    /// <summary>Opens a userfaultfd and shakes hands.</summary>
    /// <exception cref="UffdException">
    /// EINVAL: a feature is not offered; EPERM: this process is not privileged to open one, or to ask for EVENT_FORK; EMFILE: it has too
    /// many descriptors open. Live, what this machine lacks or does not allow is an <c>UnsupportedMachineException</c>.
    /// </exception>
    public async Task<Userfault> OpenAsync(UffdFeatures features = UffdFeatures.None, CancellationToken cancellationToken = default)
    {
        _root.ThrowIfClosed();
        cancellationToken.ThrowIfCancellationRequested();
        return Add(await UffdActivities.CallAsync("open", Name, () => _kernel.OpenAsync(features, cancellationToken)));
    }

    /// <summary>
    /// Takes over a userfaultfd that other code has opened. Register its regions again, with the modes that they have, and serve it.
    /// Its former monitor may have read faults without resolving them, and the kernel never delivers twice: so every region is woken
    /// in full once when serving begins, and the threads that still need their page fault again. Live world only.
    /// </summary>
    /// <exception cref="NotSupportedException">The model has no descriptors but its own.</exception>
    /// <exception cref="ArgumentException">The descriptor is no userfaultfd, or its handshake has not been done.</exception>
    public async Task<Userfault> AdoptUserfaultAsync(AdoptedUserfault userfault, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(userfault);
        _root.ThrowIfClosed();
        cancellationToken.ThrowIfCancellationRequested();
        return Add(await UffdActivities.CallAsync("adopt_userfault", Name, () => _kernel.AdoptAsync(userfault, cancellationToken)));
    }

    /// <summary>
    /// A descriptor of the memory behind a region (memfd, hugetlb, guest_memfd), by which another process can map it: a duplicate, which
    /// belongs to the caller, and keeps the memory alive. Live world only.
    /// </summary>
    /// <remarks>
    /// The region begins at the descriptor's first byte; of adopted memory, where its owner has said
    /// (<see cref="AdoptedMemory.DescriptorOffset"/>). Faults of a mapping elsewhere come to that one's own userfaultfd: here a page counts
    /// as received when it was filled here.
    /// </remarks>
    /// <param name="region">A region of this VM.</param>
    /// <returns>Close-on-exec; to be disposed of.</returns>
    /// <exception cref="NotSupportedException">The model's memory has no descriptor.</exception>
    /// <exception cref="InvalidOperationException">
    /// It is anonymous memory, which has none; or it was adopted without one; or it has been unmapped.
    /// </exception>
    /// <exception cref="UffdException">EMFILE: the process has too many descriptors.</exception>
    public SafeHandle OpenDescriptor(GuestRegion region)
    {
        ThrowIfUnusable(region);
        return _kernel.OpenDescriptor(region);
    }

    /// <summary>True if <see cref="PollAsync"/> is to be had: in the live world.</summary>
    public bool PollsDescriptors => _kernel.PollsDescriptors;

    /// <summary>
    /// Polls a descriptor (a socket, an eventfd) on the thread that reads this VM's faults: what a page source answers from there is
    /// installed by the same thread, and costs no other wake-up. Ends when <paramref name="readable"/> returns false, or the VM ends.
    /// </summary>
    /// <param name="descriptor">
    /// Duplicated: the caller keeps the original, and may close it at any time. A stream that is shut down can be read.
    /// </param>
    /// <param name="readable">
    /// Called each time there is something to read, again and again until it has been read. No fault of the VM is resolved meanwhile: it
    /// must not block, nor touch guest memory. What it throws ends the polling with that exception.
    /// </param>
    /// <exception cref="NotSupportedException">No thread polls descriptors, as in the model (<see cref="PollsDescriptors"/>).</exception>
    /// <exception cref="UffdException">EMFILE: the process has too many descriptors.</exception>
    /// <exception cref="ObjectDisposedException">The descriptor has been closed, or the VM disposed of.</exception>
    public Task PollAsync(SafeHandle descriptor, Func<bool> readable)
    {
        ArgumentNullException.ThrowIfNull(descriptor);
        ArgumentNullException.ThrowIfNull(readable);
        _root.ThrowIfClosed();
        return _kernel.PollAsync(descriptor, readable);
    }

    /// <summary>Starts vCPUs: all of them run from the same moment.</summary>
    /// <param name="workloads">What each does.</param>
    /// <param name="sampleEvery">1 to stamp every fault (needed for blocked times), n to stamp one in n.</param>
    /// <param name="cancellationToken">Cancels the start.</param>
    /// <exception cref="ArgumentException">
    /// There is no workload, one is null, there are more than <see cref="GuestLayout.MaxVcpus"/>, or <paramref name="sampleEvery"/> is
    /// below 1.
    /// </exception>
    public Task<VcpuGroup> StartVcpusAsync(
        IReadOnlyList<IWorkload> workloads, int sampleEvery = 1, CancellationToken cancellationToken = default) =>
        StartVcpusAsync(workloads, sampleEvery, null, cancellationToken);

    /// <summary>The same, and every read is compared with what it must find.</summary>
    /// <param name="workloads">What each does.</param>
    /// <param name="sampleEvery">1 to stamp every fault (needed for blocked times), n to stamp one in n.</param>
    /// <param name="check">What reads must find; the first difference is <see cref="VcpuGroup.Error"/>. Null for no comparison.</param>
    /// <param name="cancellationToken">Cancels the start.</param>
    /// <exception cref="ArgumentException">
    /// There is no workload, one is null, there are more than <see cref="GuestLayout.MaxVcpus"/>, or <paramref name="sampleEvery"/> is
    /// below 1.
    /// </exception>
    public async Task<VcpuGroup> StartVcpusAsync(
        IReadOnlyList<IWorkload> workloads, int sampleEvery, IContentCheck? check, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(workloads);
        ArgumentOutOfRangeException.ThrowIfLessThan(workloads.Count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(workloads.Count, GuestLayout.MaxVcpus);
        if (workloads.Any(w => w is null))
            throw new ArgumentException("A workload is null; leave it out, or give one for each vCPU.", nameof(workloads));
        ArgumentOutOfRangeException.ThrowIfLessThan(sampleEvery, 1);
        _root.ThrowIfClosed();
        cancellationToken.ThrowIfCancellationRequested();
        BlockedClock blocked = new(workloads.Count);
        (IReadOnlyList<VcpuOptions> vcpus, IReadOnlyList<IActorRef> actors) =
            await _guest.StartAsync(workloads, blocked, sampleEvery, check);
        return new VcpuGroup(vcpus, actors, blocked, _root);
    }

    /// <summary>A reader of guest memory that never faults.</summary>
    /// <exception cref="ObjectDisposedException">The VM has been disposed of.</exception>
    public GuestReader NewReader()
    {
        _root.ThrowIfFreed();
        return _kernel.NewReader();
    }

    /// <summary>
    /// Disposes in order: the guest stops (<see cref="VmOptions.StopGuest"/> the last of it), descriptors are closed, actors end, memory is
    /// unmapped and freed. Bounded by <c>uffd.close-timeout</c>, of which the stopping has one of its own; a second call waits for the
    /// first. Calls that are under way end with <see cref="VmFailedException"/>. A userfaultfd whose pages are absent while the guest may
    /// still run stays open, and memory mapped (<see cref="VmOptions.AbsentPagesAtDisposal"/>).
    /// </summary>
    /// <exception cref="TimeoutException">An actor is still in a turn. Its memory is kept rather than pulled from under it.</exception>
    public ValueTask DisposeAsync() => new(_closing.Value);

    IEnumerable<FaultCounts> IMeteredVm.Counts() => Userfaults().Select(u => u.Counts());

    private async Task CloseAsync()
    {
        _root.BeginClosing();
        Deadline deadline = new(_root.CloseTimeout);
        try
        {
            // The guest first: it must never run on pages that closing makes appear as zeros.
            await _guest.StopVcpusAsync().WaitAsync(deadline.Left);
        }
        catch (Exception e) when (e is VmFailedException or TimeoutException)
        {
            // Its actors have been stopped already; or the next wait is over its time as well, and says so.
        }

        await _guest.StopOthersOnceAsync();
        deadline = new Deadline(_root.CloseTimeout);
        try
        {
            foreach (Userfault userfault in Userfaults()) await userfault.StopAndCloseAsync(_absentPages).WaitAsync(deadline.Left);
        }
        catch (VmFailedException)
        {
            // Its actors have been stopped already, the guest's among them.
        }
        catch (TimeoutException e)
        {
            Context.Incidents.Report(
                new Incident(
                    IncidentKind.CloseTimedOut,
                    $"{Name} did not close its descriptors within {Settings.CloseTimeout}{_root.WhatBlocks(": ")}; its actors are "
                        + $"stopped now.",
                    e));
        }

        try
        {
            await _root.EndAsync(deadline.Left);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException(
                $"{Name} did not stop within {Settings.CloseTimeout}: an actor is still in a turn{_root.WhatBlocks("; ")}. Its memory is "
                    + $"kept. Look for a page source or module that blocks.", e);
        }
        finally
        {
            if (Context.Time is VmLoop loop) loop.Failed -= OnLoopFailed;
            if (Context.PushLoop is { IsValueCreated: true } beside) beside.Value.Loop!.Failed -= OnLoopFailed;
            _runtime.Forget(this);
            _root.BeginFreeing();
            UffdMeter.Remove(this);
            if (_root.HasEnded) _kernel.CloseRest();
            _root.Calls?.Dispose();
            Context.Incidents.Complete();
        }

        await _kernel.FreeAsync(deadline.Left);
    }

    internal void OnLoopFailed(Exception reason) => Context.Fail(Context.Root, reason, null);

    internal Task StartedAsync(CancellationToken cancel) => _kernel.StartAsync(cancel);

    internal bool Uses(MemoryModule module) => _kernel.Uses(module);


    /// <summary>Memory that page sources may answer from.</summary>
    internal ReadableMemory SourceMemory => _runtime.Memory;

    // What has lost its content without a write belongs to the region's dirty set.
    private void NoteAdvised(GuestRegion region, PageRange pages, Advice advice)
    {
        bool keepsContent = advice == Advice.PageOut || (advice == Advice.DontNeed && region.Module is not null);
        if (keepsContent) return;
        foreach (Userfault userfault in Userfaults()) userfault.NoteZeroed(region, pages, mayGoLater: advice == Advice.Free);
    }

    // As many pages as have a size in bytes.
    private static void ThrowIfNoSize(long pages)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pages, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pages, long.MaxValue >> PageSize.BaseShift);
    }

    /// <summary>For the start of every public call that names a region.</summary>
    internal void ThrowIfUnusable(GuestRegion region, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(region))]
        string? name = null)
    {
        ArgumentNullException.ThrowIfNull(region, name);
        region.ThrowIfUnusable(_root);
        _root.ThrowIfClosed();
    }

    private async Task UnmapOnceAsync(GuestRegion region, CancellationToken cancel)
    {
        await SlicedUnmap.MakeAsync(_kernel.UnmapAsync, region, cancel);
        // The alias is unmapped only when no fill goes through it any more: its address may be another mapping's next.
        foreach (Userfault userfault in Userfaults()) await userfault.ForgetAsync(region);
        await _kernel.UnmapAliasAsync(region);
    }

    /// <summary>True if faults of the region are resolved from a source.</summary>
    internal bool IsServed(GuestRegion region) => Array.Exists(Userfaults(), u => u.Serves(region));

    private GuestRegion Add(
        MappedMemory mapped, long pages, string? module, bool isAdopted, bool isFilled, bool isAliasEmpty = false,
        WrittenJournal? written = null) => _kernel.Regions.Add(
        number => new GuestRegion(number, mapped.Address, pages, module, mapped.PageBytes, mapped.AliasAddress)
        {
            Vm = _root,
            IsAdopted = isAdopted,
            IsFilled = isFilled || mapped.IsReadOnly,
            IsAliasEmpty = isAliasEmpty,
            Written = written,
            Memory = mapped.Memory,
        });

    private Userfault Add(KernelUserfault kernel)
    {
        Userfault userfault = new(this, kernel);
        lock (_gate) _userfaults.Add(userfault);
        return userfault;
    }

    private Userfault[] Userfaults()
    {
        lock (_gate) return [.. _userfaults];
    }
}
