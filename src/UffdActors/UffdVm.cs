using System.Diagnostics;
using System.Threading.Channels;
using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Dispatch;
using UffdActors.Handling;
using UffdActors.Model;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Turns;
using UffdActors.Statistics;
using UffdActors.Vcpus;
using UffdActors.Worlds;

namespace UffdActors;

/// <summary>
/// A VM: guest memory in regions, userfaultfds that serve them, vCPUs that touch them. The same in every world; what is under it is a
/// <see cref="VmKernel"/>.
/// </summary>
/// <remarks>Safe for any thread; on the stepped dispatcher, for the thread that made the runtime.</remarks>
public sealed class UffdVm : IAsyncDisposable
{
    private readonly ActorSystem _system;
    private readonly UffdRuntime _runtime;
    private readonly VmHealth _health;
    private readonly VmKernel _kernel;
    private readonly IActorRef _root;
    private readonly Lock _gate = new();
    private readonly List<GuestRegion> _regions = [];
    private readonly List<Userfault> _userfaults = [];
    private readonly List<VcpuGroup> _vcpus = [];
    private readonly TaskCompletionSource _stopped;
    private readonly Lazy<Task> _closing;
    private readonly Func<CancellationToken, Task>? _stopGuest;
    private readonly Lazy<Task> _othersStop;
    private readonly AbsentPages _absentPages;
    private int _nextName;
    private volatile bool _disposed;
    private bool _guestIsStopped;
    private bool _mayBePoisoned;

    private UffdVm(ActorSystem system, UffdRuntime runtime, VmContext context, World world, VmOptions options, int loopPlace)
    {
        LoopPlace = loopPlace;
        _system = system;
        _runtime = runtime;
        Context = context;
        _health = new VmHealth(Completion);
        // On virtual time the thread that is blocked is the embedder's own.
        Calls = Settings.IsStepped ? null : new ForeignCalls(context.Incidents);
        _stopped = NewCompletion();
        _closing = new Lazy<Task>(CloseAsync);
        _stopGuest = options.StopGuest;
        _othersStop = new Lazy<Task>(StopOthersAsync);
        _absentPages = options.AbsentPagesAtDisposal;
        _kernel = world.NewKernel(this, options);
        _root = system.ActorOf(VmActor.Props(context, _health), context.Name);
    }

    /// <summary>Name for reports.</summary>
    public string Name => Context.Name;

    /// <summary>The kernel that the model behaves like; null in the live world.</summary>
    public KernelProfile? Profile => _kernel.Profile;

    /// <summary>What it runs on, for reports.</summary>
    public VmPlace Place => new(_runtime.Settings.World, _kernel.Name, (Context.Time as FaultLoop)?.Cpu, _kernel.VcpuCpu);

    /// <summary>What went wrong; bounded, the oldest are dropped.</summary>
    public ChannelReader<Incident> Incidents => Context.Incidents.Reader;

    /// <summary>Incidents that nobody read in time.</summary>
    public long DroppedIncidents => Context.Incidents.Dropped;

    /// <summary>Ends with the cause if the VM fails closed.</summary>
    public Task<Exception> Failed => _health.Failed;

    /// <summary>The regions of guest memory.</summary>
    public IReadOnlyList<GuestRegion> Regions
    {
        get
        {
            lock (_gate) return [.. _regions];
        }
    }

    /// <summary>Native bytes of bookkeeping: page tables, page caches, folio counts; without content. 0 in the live world.</summary>
    public long BookkeepingBytes => _kernel.BookkeepingBytes;

    /// <summary>Nanoseconds of the clock that the VM's faults are stamped with: virtual on the stepped dispatcher.</summary>
    public long Now => Context.Time.Now;

    internal VmContext Context { get; }

    /// <summary>Sees that code of the embedder comes back; null where nobody does.</summary>
    internal ForeignCalls? Calls { get; }

    /// <summary>
    /// Which of the runtime's loops its loop is, from 0: its CPU follows from it. No two VMs have the same at the same time.
    /// </summary>
    internal int LoopPlace { get; }

    internal UffdSettings Settings => _runtime.Settings;

    internal ModuleTable Modules => _runtime.Modules;

    internal VmKernel Kernel => _kernel;

    internal ActorSystem System => _system;

    /// <summary>Touches all physical memory of the model, so that no measurement pays for page faults of the host.</summary>
    public void PrefaultMemory(CancellationToken cancel = default) => _kernel.PrefaultMemory(cancel);

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
    public async Task<GuestRegion> MapAsync(RegionOptions options, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ThrowIfNoSize(options.Pages);
        if (options.WithAlias && options.Module is null)
            throw new ArgumentException(
                $"Anonymous memory cannot be mapped a second time; leave out {nameof(RegionOptions.WithAlias)}, or name a memory module.",
                nameof(options));
        ThrowIfClosed();
        cancel.ThrowIfCancellationRequested();
        return Add(await _kernel.MapAsync(options, cancel), options.Pages, options.Module, isAdopted: false, options.IsFilled);
    }

    /// <summary>Adds a region of guest memory that somebody else has mapped and goes on to own. Live world only.</summary>
    /// <exception cref="NotSupportedException">The model has no memory but its own.</exception>
    /// <exception cref="ArgumentException">
    /// Address, size or offset is not one of such memory, or the file is shorter than the region.
    /// </exception>
    /// <exception cref="ModuleException">There is no such memory.</exception>
    /// <exception cref="UffdException">Its descriptor cannot be mapped, or its pages cannot be allocated.</exception>
    public async Task<GuestRegion> AdoptMemoryAsync(AdoptedMemory memory, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ThrowIfNoSize(memory.Pages);
        ThrowIfClosed();
        cancel.ThrowIfCancellationRequested();
        return Add(await _kernel.AdoptAsync(memory, cancel), memory.Pages, memory.Module, isAdopted: true, memory.IsFilled);
    }

    /// <summary>
    /// Unmaps a region and its alias, but none that was adopted. Waits until the event has been read, if its context asked for one. The
    /// region is used up by it: every later call with it ends with <see cref="InvalidOperationException"/>, and of two calls at the same
    /// time one. Threads that wait for its pages are woken, and whoever touches it is touching what is not mapped: stop them first, for in
    /// this process that is the end of the process. A push of it ends with an exception.
    /// </summary>
    /// <exception cref="UffdException">The kernel refuses; the region is as before.</exception>
    /// <exception cref="InvalidOperationException">It has been unmapped already, or was adopted.</exception>
    /// <exception cref="ArgumentException">It is a region of another VM; every call with one ends so.</exception>
    public async Task UnmapAsync(GuestRegion region, CancellationToken cancel = default)
    {
        ThrowIfUnusable(region);
        if (region.IsAdopted)
            throw new InvalidOperationException(
                $"Region {region.Id} belongs to whoever has mapped it; unregister it, and let them unmap it.");
        cancel.ThrowIfCancellationRequested();
        Task unmapping = region.UnmapAsync(() => UnmapOnceAsync(region, cancel));
        try
        {
            await unmapping.WaitAsync(cancel);
        }
        catch (OperationCanceledException) when (!unmapping.IsCanceled)
        {
            _ = ReportLateAsync("munmap", unmapping);
            throw;
        }
    }

    /// <summary>Takes pages of a region away (<c>madvise</c>). Waits until the event has been read, if its context asked for one.</summary>
    /// <remarks>
    /// Of another process's memory (<see cref="AdoptedMemory.ProcessId"/>) the kernel lets others only page out (<c>process_madvise</c>);
    /// what is removed is punched out of the memory's own file, if its descriptor was handed over, and raises no event.
    /// </remarks>
    /// <exception cref="ArgumentException">The pages are not in the region, or there is no such advice.</exception>
    /// <exception cref="UffdException">
    /// The kernel refuses. EINVAL: the memory does not take the advice, or huge pages, and the range does not begin on one; ENOMEM: a part
    /// is not mapped any more; ESRCH: the process whose memory it is has ended, or executes another program.
    /// </exception>
    /// <exception cref="InvalidOperationException">The region has been unmapped.</exception>
    public Task AdviseAsync(GuestRegion region, long firstPage, long pages, Advice advice, CancellationToken cancel = default)
    {
        ThrowIfUnusable(region);
        PageRange range = region.Range(firstPage, pages);
        if (!Enum.IsDefined(advice)) throw new ArgumentOutOfRangeException(nameof(advice), advice, "There is no such advice.");
        // What has taken the place of a process that executes another program must not be advised.
        foreach (Userfault userfault in Userfaults()) userfault.ThrowIfOwnerGone(region, "madvise");
        return _kernel.AdviseAsync(region, firstPage, pages, advice, () => NoteAdvised(region, range, advice), cancel);
    }

    /// <summary>Opens a userfaultfd and shakes hands.</summary>
    /// <exception cref="UffdException">
    /// EINVAL: a feature is not offered; EPERM: this process is not privileged to open one, or to ask for EVENT_FORK; EMFILE: it has too
    /// many descriptors open. Live, what this machine lacks or does not allow is an <c>UnsupportedMachineException</c>.
    /// </exception>
    public async Task<Userfault> OpenAsync(UffdFeatures features = UffdFeatures.None, CancellationToken cancel = default)
    {
        ThrowIfClosed();
        cancel.ThrowIfCancellationRequested();
        return Add(await _kernel.OpenAsync(features, cancel));
    }

    /// <summary>
    /// Takes over a userfaultfd that somebody else has opened. Register its regions again, with the modes that they have, and serve it.
    /// Whoever served it before may have read faults without resolving them, and the kernel never delivers twice: so every region is woken
    /// in full once when serving begins, and the threads that still need their page fault again. Live world only.
    /// </summary>
    /// <exception cref="NotSupportedException">The model has no descriptors but its own.</exception>
    /// <exception cref="ArgumentException">The descriptor is no userfaultfd, or its handshake has not been done.</exception>
    public async Task<Userfault> AdoptUserfaultAsync(AdoptedUserfault userfault, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(userfault);
        ThrowIfClosed();
        cancel.ThrowIfCancellationRequested();
        return Add(await _kernel.AdoptAsync(userfault, cancel));
    }

    /// <summary>Starts vCPUs: all of them run from the same moment.</summary>
    /// <param name="workloads">What each does.</param>
    /// <param name="sampleEvery">1 to stamp every fault (needed for blocked times), n to stamp one in n.</param>
    /// <param name="cancel">Cancels the start.</param>
    public Task<VcpuGroup> StartVcpusAsync(IReadOnlyList<IWorkload> workloads, int sampleEvery = 1, CancellationToken cancel = default) =>
        StartVcpusAsync(workloads, sampleEvery, null, cancel);

    /// <summary>A reader of guest memory that never faults.</summary>
    public GuestReader NewReader() => _kernel.NewReader();

    /// <summary>
    /// Disposes in order: the guest stops (<see cref="VmOptions.StopGuest"/> the last of it), descriptors are closed, actors end, memory is
    /// unmapped and freed. Bounded by <c>uffd.close-timeout</c>, of which the stopping has one of its own; a second call waits for the
    /// first. Calls that are under way end with <see cref="VmFailedException"/>. A userfaultfd whose pages are absent while the guest may
    /// still run stays open, and memory mapped (<see cref="VmOptions.AbsentPagesAtDisposal"/>).
    /// </summary>
    /// <exception cref="TimeoutException">An actor is still in a turn. Its memory is kept rather than pulled from under it.</exception>
    public ValueTask DisposeAsync() => new(_closing.Value);

    private async Task CloseAsync()
    {
        _disposed = true;
        Deadline deadline = new(CloseTimeout);
        try
        {
            // The guest first: it must never run on pages that closing makes appear as zeros.
            await StopVcpusAsync().WaitAsync(deadline.Left);
        }
        catch (Exception e) when (e is VmFailedException or TimeoutException)
        {
            // Its actors have been stopped already; or the next wait is over its time as well, and says so.
        }

        await _othersStop.Value;
        deadline = new Deadline(CloseTimeout);
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
                    $"{Name} did not close its descriptors within {Settings.CloseTimeout}{WhatBlocks(": ")}; its actors are stopped now.",
                    e));
        }

        _root.Tell(new VmProtocol.StopVm(_stopped));
        try
        {
            // A system that its owner has terminated has stopped them itself.
            await (await Task.WhenAny(_stopped.Task, _health.Lost, _system.WhenTerminated).WaitAsync(deadline.Left));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException(
                $"{Name} did not stop within {Settings.CloseTimeout}: an actor is still in a turn{WhatBlocks("; ")}. Its memory is kept. "
                    + $"Look for a page source or module that blocks.", e);
        }
        finally
        {
            _runtime.Forget(this);
            if (_stopped.Task.IsCompleted || HasLostSystem) _kernel.CloseRest();
            Calls?.Dispose();
            Context.Incidents.Complete();
        }

        await _kernel.FreeAsync(deadline.Left);
    }

    /// <summary>
    /// Waits for the end of a call that ends something: as long as it takes, but not for ever on code of the embedder that is called in a
    /// turn and does not come back.
    /// </summary>
    /// <exception cref="TimeoutException">Such a call has been under way for <c>uffd.close-timeout</c>.</exception>
    internal async Task UnlessBlockedAsync(string name, Task call)
    {
        while (Calls is not null && !call.IsCompleted)
        {
            IReadOnlyList<CallUnderWay> underWay = Calls.UnderWay;
            try
            {
                await call.WaitAsync(CloseTimeout);
            }
            catch (TimeoutException e) when (!call.IsCompleted)
            {
                foreach (CallUnderWay stuck in underWay.Where(c => c.IsStillUnderWay))
                {
                    throw new TimeoutException(
                        $"{name} of {Name} has not ended: {stuck.Name} has been called in a turn and has not returned for {CloseTimeout}. "
                            + $"It ends when that returns; disposing of the VM waits no longer than uffd.close-timeout.", e);
                }
            }
        }

        await call;
    }

    private string WhatBlocks(string before) => Calls?.UnderWay is { Count: > 0 } calls ? $"{before}{calls[0].Name} has not returned" : "";

    private TimeSpan CloseTimeout => Settings.IsStepped ? Timeout.InfiniteTimeSpan : Settings.CloseTimeout;

    /// <summary>Stops the guest, for good: every vCPU, and then what the embedder stops.</summary>
    internal async Task StopGuestAsync()
    {
        await StopVcpusAsync();
        await _othersStop.Value;
    }

    private async Task StopOthersAsync()
    {
        if (_stopGuest is not { } stop) return;
        try
        {
            using CancellationTokenSource late = new(CloseTimeout);
            await stop(late.Token).WaitAsync(CloseTimeout);
            _kernel.StopHasEnded(isStopped: true);
        }
        catch (Exception e)
        {
            _kernel.StopHasEnded(isStopped: false);
            string what = e is TimeoutException or OperationCanceledException
                ? $"has not ended within {CloseTimeout}"
                : $"has failed: {e.Message}";
            Context.Incidents.Report(new Incident(
                IncidentKind.GuestNotStopped,
                $"{nameof(VmOptions)}.{nameof(VmOptions.StopGuest)} of {Name} {what}; its guest is taken to run on, so what it may still "
                    + $"wait for is not closed.",
                e));
        }
    }

    /// <summary>Stops every vCPU, for good: none is started any more.</summary>
    private async Task StopVcpusAsync()
    {
        VcpuGroup[] groups;
        lock (_gate)
        {
            _guestIsStopped = true;
            groups = [.. _vcpus];
        }

        _kernel.HaltGuest();
        foreach (VcpuGroup group in groups) await StopAsync(group.Actors);
    }

    internal static UffdVm Start(
        ActorSystem system, UffdRuntime runtime, VmContext context, World world, VmOptions options, int loopPlace) =>
        new(system, runtime, context, world, options, loopPlace);

    internal Task StartedAsync(CancellationToken cancel) => _kernel.StartAsync(cancel);

    internal bool Uses(MemoryModule module) => _kernel.Uses(module);

    internal async Task<VcpuGroup> StartVcpusAsync(
        IReadOnlyList<IWorkload> workloads, int sampleEvery, IContentCheck? check, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(workloads);
        ArgumentOutOfRangeException.ThrowIfLessThan(workloads.Count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(workloads.Count, GuestLayout.MaxVcpus);
        ArgumentOutOfRangeException.ThrowIfLessThan(sampleEvery, 1);
        ThrowIfClosed();
        cancel.ThrowIfCancellationRequested();
        lock (_gate)
        {
            if (_mayBePoisoned && !_kernel.GuestSurvivesPoison)
                throw new InvalidOperationException(
                    $"Pages of {Name} may be poisoned: a vCPU in this process that touches one would end it. Run the guest in a process "
                        + $"of its own.");
            if (_guestIsStopped)
                throw new InvalidOperationException(
                    $"The guest of {Name} has been stopped for good, for pages of it were given up; start from the source again.");
        }

        BlockedClock blocked = new(workloads.Count);
        ulong[] regions = [.. Regions.Select(r => r.Address)];
        List<VcpuOptions> options = [];
        for (int i = 0; i < workloads.Count; i++)
            options.Add(
                new VcpuOptions(
                    i, _kernel.NewVcpu(), workloads[i], regions, new VcpuProgress(NewCompletion()), blocked, sampleEvery, check));
        TaskCompletionSource<IReadOnlyList<IActorRef>> done = NewCompletion<IReadOnlyList<IActorRef>>();
        _root.Tell(new VmProtocol.StartVcpus(options, NewName("vcpu"), done));
        VcpuGroup group = new(options, await OrFailed(done.Task), blocked, this);
        lock (_gate) _vcpus.Add(group);
        return group;
    }

    internal string NewName(string kind) => $"{kind}-{Interlocked.Increment(ref _nextName)}";

    internal Task<IActorRef> StartSourceAsync(SourceWatch watch) =>
        StartActorAsync(SourceActor.Props(watch.Source, Context.DispatcherId, watch, Context.Time), NewName("source"));

    /// <summary>What is asked of the page sources of a userfaultfd.</summary>
    internal SourceTerms TermsOf(ServeOptions options, IUffdDescriptor descriptor)
    {
        Patience patience =
            new(options.SourcePatience ?? Settings.SourcePatience, (options.Resume ?? Settings.SourceResume) == SourceResume.Auto);
        ContentKind content = _kernel.Content;
        return new SourceTerms(
            patience, Context.Incidents, _runtime.Memory, descriptor.MayFaultAt, content != ContentKind.Stamps,
            content != ContentKind.Bytes, AsksAgain: true, Calls);
    }

    // What has lost its content without a write belongs to the dirty set of whoever watches the region.
    private void NoteAdvised(GuestRegion region, PageRange pages, Advice advice)
    {
        bool keepsContent = advice == Advice.PageOut || (advice == Advice.DontNeed && region.Module is not null);
        if (keepsContent) return;
        foreach (Userfault userfault in Userfaults()) userfault.NoteZeroed(region, pages, mayGoLater: advice == Advice.Free);
    }

    /// <summary>Makes a child of the VM's root.</summary>
    internal async Task<IActorRef> StartActorAsync(Props props, string name)
    {
        TaskCompletionSource<IActorRef> done = NewCompletion<IActorRef>();
        _root.Tell(new VmProtocol.StartActor(props, name, done));
        return await OrFailed(done.Task);
    }

    internal Task StopAsync(IReadOnlyList<IActorRef> children)
    {
        TaskCompletionSource done = NewCompletion();
        _root.Tell(new VmProtocol.StopChildren(children, done));
        return OrFailed(done.Task);
    }

    internal Task StartHandlersAsync(FaultReader reader, IActorRef context, IReadOnlyList<HandlerOptions> handlers)
    {
        TaskCompletionSource done = NewCompletion();
        _root.Tell(new VmProtocol.StartHandlers(reader, context, handlers, NewName(VmProtocol.HandlerName), done));
        return OrFailed(done.Task);
    }

    internal async Task<IActorRef> StartPushAsync(PushOptions options)
    {
        TaskCompletionSource<IActorRef> done = NewCompletion<IActorRef>();
        _root.Tell(new VmProtocol.StartPush(PushActor.Props(Context, options), options.Thread, NewName("push"), done));
        return await OrFailed(done.Task);
    }

    /// <summary>
    /// On real threads a turn must not run the embedder's continuations. On the stepped dispatcher they go to the host's queue by
    /// themselves, and the thread pool would make the run unrepeatable.
    /// </summary>
    internal TaskCreationOptions Completion =>
        Settings.IsStepped ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously;

    internal TaskCompletionSource NewCompletion() => new(Completion);

    internal TaskCompletionSource<T> NewCompletion<T>() => new(Completion);

    internal Task AttachAsync(IReadOnlyList<Owner> owners, CancellationToken cancel)
    {
        TaskCompletionSource done = NewCompletion();
        _root.Tell(new VmProtocol.Attach(owners, done));
        return OrFailed(done.Task.WaitAsync(cancel));
    }

    /// <summary>Waits, but no longer than the VM lives: nobody hangs on actors that are gone.</summary>
    internal async Task OrFailed(Task task)
    {
        _ = await Task.WhenAny(task, _health.Failed, _stopped.Task, _health.Lost, _system.WhenTerminated);
        if (!task.IsCompleted) throw Ended();
        await task;
    }

    internal async Task<T> OrFailed<T>(Task<T> task)
    {
        await OrFailed((Task)task);
        return await task;
    }

    /// <summary>Why a VM fails whose actor system its owner has terminated.</summary>
    internal const string SystemIsGone = "the actor system that was lent to the runtime has been terminated by its owner";

    private bool HasLostSystem => _health.Lost.IsCompleted || _system.WhenTerminated.IsCompleted;

    private VmFailedException Ended()
    {
        if (_health.Cause is null && HasLostSystem) return new VmFailedException($"{Name} has failed closed: {SystemIsGone}");
        if (_health.Cause is not { } reason) return new VmFailedException($"{Name} was disposed of before the call had ended.");
        return new VmFailedException($"{Name} has failed closed: {reason.Message}", reason);
    }

    // As many pages as have a size in bytes.
    private static void ThrowIfNoSize(long pages)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pages, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pages, long.MaxValue >> PageSize.BaseShift);
    }

    /// <summary>For the start of every public call.</summary>
    internal void ThrowIfClosed()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_health.Cause is not null || HasLostSystem) throw Ended();
    }

    /// <summary>For the start of every public call that names a region.</summary>
    internal void ThrowIfUnusable(GuestRegion region, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(region))]
        string? name = null)
    {
        ArgumentNullException.ThrowIfNull(region, name);
        region.ThrowIfUnusable(this);
        ThrowIfClosed();
    }

    private async Task UnmapOnceAsync(GuestRegion region, CancellationToken cancel)
    {
        await _kernel.UnmapAsync(region, cancel);
        // Nobody fills its pages any more, through the alias neither, before that is unmapped as well: its address is somebody else's next.
        foreach (Userfault userfault in Userfaults()) await userfault.ForgetAsync(region);
        await _kernel.UnmapAliasAsync(region);
    }

    /// <summary>Reports how a call ends whose caller has given up waiting.</summary>
    internal async Task ReportLateAsync(string name, Task call)
    {
        string outcome;
        try
        {
            await OrFailed(call);
            outcome = "succeeded";
        }
        catch (UffdException e)
        {
            outcome = $"failed with {e.Error}";
        }
        catch (Exception e) when (e is VmFailedException or OperationCanceledException)
        {
            // Reported as such, or not issued at all.
            return;
        }

        Context.Incidents.Report(
            new Incident(IncidentKind.CancelledCallEnded, $"{name} was cancelled after it had been issued, and has {outcome}."));
    }

    /// <summary>True if faults of the region are resolved from a source.</summary>
    internal bool IsServed(GuestRegion region) => Array.Exists(Userfaults(), u => u.Serves(region));

    /// <summary>From here on pages may be poisoned.</summary>
    /// <exception cref="InvalidOperationException">A vCPU would take the process along.</exception>
    internal void AllowPoison()
    {
        lock (_gate)
        {
            if (_vcpus.Count > 0 && !_kernel.GuestSurvivesPoison)
                throw new InvalidOperationException(
                    $"{Name} has vCPUs in this process, and one that touches a poisoned page would end it. Run the guest in a process of "
                        + $"its own.");
            _mayBePoisoned = true;
        }
    }

    private GuestRegion Add(MappedMemory mapped, long pages, string? module, bool isAdopted, bool isFilled)
    {
        lock (_gate)
        {
            GuestRegion region = new(_regions.Count, mapped.Address, pages, module, mapped.PageBytes, mapped.AliasAddress)
            {
                Vm = this,
                IsAdopted = isAdopted,
                IsFilled = isFilled || mapped.IsReadOnly,
                Memory = mapped.Memory,
            };
            _regions.Add(region);
            return region;
        }
    }

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

    /// <summary>One deadline for several waits.</summary>
    private sealed class Deadline(TimeSpan timeout)
    {
        private readonly long _start = Stopwatch.GetTimestamp();

        public TimeSpan Left
        {
            get
            {
                if (timeout == Timeout.InfiniteTimeSpan) return timeout;
                TimeSpan left = timeout - Stopwatch.GetElapsedTime(_start);
                // What is over its time still gets a moment, so that stopping the actors is tried at all.
                return left > Moment ? left : Moment;
            }
        }

        private static TimeSpan Moment { get; } = TimeSpan.FromMilliseconds(100);
    }

}
