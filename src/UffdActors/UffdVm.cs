using System.Diagnostics;
using System.Threading.Channels;
using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Model;
using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Userfault;
using UffdActors.PageSources;
using UffdActors.Statistics;
using UffdActors.Vcpus;

namespace UffdActors;

/// <summary>
/// A VM in the model world: guest memory in regions, userfaultfds that serve them, vCPUs that touch them. Every call is a call of the
/// VM's main thread in the kernel.
/// </summary>
/// <remarks>Safe for any thread; on the stepped dispatcher, for the thread that made the runtime.</remarks>
public sealed class UffdVm : IAsyncDisposable
{
    // Regions lie apart, so that growing or losing one never touches another.
    private const ulong FirstAddress = 0x1000_0000_0000;
    private const ulong RegionAlignment = 1UL << 30;

    private readonly ActorSystem _system;
    private readonly UffdRuntime _runtime;
    private readonly VmHealth _health;
    private readonly AddressSpace _mm;
    private readonly Caller _main;
    private readonly IActorRef _root;
    private readonly Lock _gate = new();
    private readonly List<GuestRegion> _regions = [];
    private readonly List<MemoryFile> _files = [];
    private readonly List<Userfault> _userfaults = [];
    private readonly List<VcpuGroup> _vcpus = [];
    private ulong _nextAddress = FirstAddress;
    private int _nextThread = 1;
    private int _nextContext;
    private readonly TaskCompletionSource _stopped;
    private readonly Lazy<Task> _closing;
    private int _nextName;
    private volatile bool _disposed;
    private bool _guestIsStopped;

    private UffdVm(ActorSystem system, UffdRuntime runtime, VmContext context)
    {
        _system = system;
        _runtime = runtime;
        Context = context;
        _health = new VmHealth(Completion);
        _stopped = NewCompletion();
        _closing = new Lazy<Task>(CloseAsync);
        _mm = new AddressSpace(context.Machine);
        _main = new Caller(_mm);
        _root = system.ActorOf(VmActor.Props(context, _health), context.Name);
    }

    /// <summary>Name for reports.</summary>
    public string Name => Context.Name;

    /// <summary>The kernel.</summary>
    public KernelProfile Profile => Context.Machine.Profile;

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

    /// <summary>Native bytes of bookkeeping: page tables, page caches, folio counts; without content.</summary>
    public long BookkeepingBytes
    {
        get
        {
            lock (_gate) return _mm.BookkeepingBytes + _files.Sum(f => f.BookkeepingBytes) + Context.Machine.BaseFolios.BookkeepingBytes;
        }
    }

    /// <summary>Nanoseconds of the clock that the VM's faults are stamped with: virtual on the stepped dispatcher.</summary>
    public long Now => Context.Time.Now;

    internal VmContext Context { get; }

    internal UffdSettings Settings => _runtime.Settings;

    internal AddressSpace AddressSpace => _mm;

    /// <summary>Touches all physical memory, so that no measurement pays for page faults of the host.</summary>
    public void PrefaultMemory()
    {
        if (Context.Machine.BaseFolios is ByteFolios folios) folios.Prefault();
    }

    /// <summary>Adds a region of guest memory.</summary>
    /// <exception cref="ModuleException">There is no such memory module.</exception>
    /// <exception cref="UffdException">The kernel refuses to map it.</exception>
    /// <exception cref="VmFailedException">The VM has failed closed; every call ends so then.</exception>
    /// <exception cref="ObjectDisposedException">The VM has been disposed of; every call ends so then.</exception>
    public async Task<GuestRegion> MapAsync(RegionOptions options, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Pages, 1);
        ThrowIfClosed();
        cancel.ThrowIfCancellationRequested();
        MemoryFile? file = options.Module is { } name ? NewFile(_runtime.Modules.Find(name), options.Pages) : null;
        MapRequest request = new(file is null ? Prot.ReadWrite : DefaultProt(file.Module), file, Shared: file is not null);
        ulong address = Place(options.Pages);
        ulong length = (ulong)options.Pages << PageSize.BaseShift;
        await CallAsync("mmap", new MapMemory(_main, address, length, request), c => c.Error, cancel);

        ulong alias = 0;
        if (options.WithAlias)
        {
            alias = Place(options.Pages);
            await CallAsync("mmap", new MapMemory(_main, alias, length, request), c => c.Error, cancel);
            if (!options.LeaveAliasEmpty)
                await CallAsync("madvise(MADV_POPULATE_WRITE)", new PopulateMemory(_main, PageRange.OfBytes(alias, length)), c => c.Error, cancel);
        }

        lock (_gate)
        {
            GuestRegion region = new(_regions.Count, address, options.Pages, file, alias);
            _regions.Add(region);
            return region;
        }
    }

    /// <summary>Unmaps a region. Waits until the event has been read, if its context asked for one.</summary>
    /// <exception cref="UffdException">The kernel refuses.</exception>
    public async Task UnmapAsync(GuestRegion region, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(region);
        ThrowIfClosed();
        await CallAsync("munmap", new UnmapMemory(_main, region.Address, region.Bytes), c => c.Error, cancel);
        if (region.AliasAddress != 0) await CallAsync("munmap", new UnmapMemory(_main, region.AliasAddress, region.Bytes), c => c.Error, cancel);
    }

    /// <summary>Takes pages of a region away (<c>madvise</c>). Waits until the event has been read, if its context asked for one.</summary>
    /// <exception cref="UffdException">The kernel refuses.</exception>
    public Task AdviseAsync(GuestRegion region, long firstPage, long pages, Advice advice, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(region);
        ThrowIfClosed();
        ulong start = region.Address + ((ulong)firstPage << PageSize.BaseShift);
        return CallAsync("madvise", new AdviseMemory(_main, start, (ulong)pages << PageSize.BaseShift, advice), c => c.Error, cancel);
    }

    /// <summary>Opens a userfaultfd and shakes hands.</summary>
    /// <exception cref="UffdException">A feature is not offered, or the kernel's privilege does not allow it.</exception>
    public async Task<Userfault> OpenAsync(UffdFeatures features = UffdFeatures.None, CancellationToken cancel = default)
    {
        ThrowIfClosed();
        cancel.ThrowIfCancellationRequested();
        const UffdOpenFlags Flags = UffdOpenFlags.NonBlock | UffdOpenFlags.CloseOnExec;
        if (UserfaultContext.CheckOpen(Context.Machine.Profile, (ulong)Flags) is var refused and not Errno.None)
            throw new UffdException("userfaultfd", refused, "faults of system calls are for the privileged; set uffd.kernel.privileged or uffd.kernel.unprivileged-userfaultfd to on.");
        UserfaultContext context = new(_mm, Flags, Interlocked.Increment(ref _nextContext) - 1);
        await AttachAsync([context], cancel);
        Handshake handshake = new(_main, context, new UffdioApi { Api = Uffd.ApiMagic, Features = (ulong)features });
        await CallAsync("UFFDIO_API", handshake, c => c.Error, cancel);
        Userfault userfault = new(this, context);
        lock (_gate) _userfaults.Add(userfault);
        return userfault;
    }

    /// <summary>Starts vCPUs: all of them run from the same moment.</summary>
    /// <param name="workloads">What each does.</param>
    /// <param name="sampleEvery">1 to stamp every fault (needed for blocked times), n to stamp one in n.</param>
    /// <param name="cancel">Cancels the start.</param>
    public Task<VcpuGroup> StartVcpusAsync(IReadOnlyList<IWorkload> workloads, int sampleEvery = 1, CancellationToken cancel = default) =>
        StartVcpusAsync(workloads, sampleEvery, null, cancel);

    /// <summary>A reader of guest memory that never faults.</summary>
    public GuestReader NewReader() => new(NewThread());

    /// <summary>
    /// Disposes in order: the guest stops, descriptors are closed, actors end, memory is unmapped and freed. Bounded by
    /// <c>uffd.close-timeout</c>; a second call waits for the first. Calls that are under way end with <see cref="VmFailedException"/>.
    /// </summary>
    /// <exception cref="TimeoutException">An actor is still in a turn. Its memory is kept rather than pulled from under it.</exception>
    public ValueTask DisposeAsync() => new(_closing.Value);

    private async Task CloseAsync()
    {
        _disposed = true;
        Deadline deadline = new(Settings.IsStepped ? Timeout.InfiniteTimeSpan : Settings.CloseTimeout);
        try
        {
            // The guest first: it must never run on pages that closing makes appear as zeros.
            await StopGuestAsync().WaitAsync(deadline.Left);
            foreach (Userfault userfault in Userfaults()) await userfault.CloseForGoodAsync().WaitAsync(deadline.Left);
        }
        catch (VmFailedException)
        {
            // Its actors have been stopped already, the guest's among them.
        }
        catch (TimeoutException e)
        {
            Context.Incidents.Report(new Incident(IncidentKind.CloseTimedOut, $"{Name} did not close its descriptors within {Settings.CloseTimeout}; its actors are stopped now.", e));
        }

        _root.Tell(new VmProtocol.StopVm(_stopped));
        try
        {
            await _stopped.Task.WaitAsync(deadline.Left);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{Name} did not stop within {Settings.CloseTimeout}: an actor is still in a turn. Its memory is kept. Look for a page source or module that blocks.", e);
        }
        finally
        {
            _runtime.Forget(this);
            Context.Incidents.Complete();
        }

        _mm.Dispose();
        foreach (MemoryFile file in _files) file.Dispose();
        Context.Machine.Dispose();
    }

    /// <summary>Stops every vCPU, for good: none is started any more.</summary>
    internal async Task StopGuestAsync()
    {
        VcpuGroup[] groups;
        lock (_gate)
        {
            _guestIsStopped = true;
            groups = [.. _vcpus];
        }

        foreach (VcpuGroup group in groups) await StopAsync(group.Actors);
    }

    internal static UffdVm Start(ActorSystem system, UffdRuntime runtime, VmContext context) => new(system, runtime, context);

    internal Task StartedAsync(CancellationToken cancel) => AttachAsync([_mm, _main], cancel);

    internal bool Uses(MemoryModule module) => _mm.Uses(module);

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
            if (_guestIsStopped) throw new InvalidOperationException($"The guest of {Name} has been stopped for good, for pages of it were given up; start from the source again.");
        }

        BlockedClock blocked = new(workloads.Count);
        ulong[] regions = [.. Regions.Select(r => r.Address)];
        List<VcpuOptions> options = [];
        for (int i = 0; i < workloads.Count; i++)
            options.Add(new VcpuOptions(i, NewThread(), workloads[i], regions, new VcpuProgress(NewCompletion()), blocked, sampleEvery, check));
        TaskCompletionSource<IReadOnlyList<IActorRef>> done = NewCompletion<IReadOnlyList<IActorRef>>();
        _root.Tell(new VmProtocol.StartVcpus(options, NewName("vcpu"), done));
        VcpuGroup group = new(options, await OrFailed(done.Task), blocked, this);
        lock (_gate) _vcpus.Add(group);
        return group;
    }

    internal Caller NewThread() => new(_mm, Interlocked.Increment(ref _nextThread));

    internal string NewName(string kind) => $"{kind}-{Interlocked.Increment(ref _nextName)}";

    internal async Task<IActorRef> StartSourceAsync(IPageSource source)
    {
        TaskCompletionSource<IActorRef> done = NewCompletion<IActorRef>();
        _root.Tell(new VmProtocol.StartSource(source, NewName("source"), done));
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
        _root.Tell(new VmProtocol.StartPush(options, NewName("push"), done));
        return await OrFailed(done.Task);
    }

    /// <summary>Makes a call of the main thread, and waits for its end.</summary>
    internal async Task CallAsync<T>(string name, T call, Func<T, Errno> errorOf, CancellationToken cancel, string? explanation = null)
        where T : Operation
    {
        cancel.ThrowIfCancellationRequested();
        TaskCompletionSource<Operation> done = NewCompletion<Operation>();
        ((ActorPort)_main.Port).Self.Tell(new VmProtocol.Call(call, done, cancel));
        try
        {
            _ = await OrFailed(done.Task.WaitAsync(cancel));
        }
        catch (OperationCanceledException) when (!done.Task.IsCanceled)
        {
            // Cancelling ends the wait, not the call: what the kernel has begun it finishes, and that is reported.
            _ = ReportLateAsync(name, call, errorOf, done.Task);
            throw;
        }

        Errno error = errorOf(call);
        if (error != Errno.None) throw new UffdException(name, error, explanation ?? KernelErrors.Explain(name, error));
    }

    private async Task ReportLateAsync<T>(string name, T call, Func<T, Errno> errorOf, Task<Operation> done)
        where T : Operation
    {
        try
        {
            _ = await OrFailed(done);
            Errno error = errorOf(call);
            string outcome = error == Errno.None ? "succeeded" : $"failed with {error}";
            Context.Incidents.Report(new Incident(IncidentKind.CancelledCallEnded, $"{name} was cancelled after it had been issued, and has {outcome}."));
        }
        catch (VmFailedException)
        {
            // Reported as such.
        }
    }

    internal Caller Main => _main;

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
        _ = await Task.WhenAny(task, _health.Failed, _stopped.Task);
        if (!task.IsCompleted) throw Ended();
        await task;
    }

    private async Task<T> OrFailed<T>(Task<T> task)
    {
        await OrFailed((Task)task);
        return await task;
    }

    private VmFailedException Ended()
    {
        if (_health.Cause is not { } reason) return new VmFailedException($"{Name} was disposed of before the call had ended.");
        return new VmFailedException($"{Name} has failed closed: {reason.Message}", reason);
    }

    /// <summary>For the start of every public call.</summary>
    internal void ThrowIfClosed()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_health.Cause is not null) throw Ended();
    }

    private Userfault[] Userfaults()
    {
        lock (_gate) return [.. _userfaults];
    }

    private MemoryFile NewFile(MemoryModule module, long pages)
    {
        MemoryFile file = module.CreateFile(Context.Machine, pages << PageSize.BaseShift);
        lock (_gate) _files.Add(file);
        return file;
    }

    private ulong Place(long pages)
    {
        lock (_gate)
        {
            ulong address = _nextAddress;
            ulong end = address + ((ulong)pages << PageSize.BaseShift);
            _nextAddress = ((end + RegionAlignment - 1) & ~(RegionAlignment - 1)) + RegionAlignment;
            return address;
        }
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

    // A module that refuses writable mappings gets the protection that it allows.
    private Prot DefaultProt(MemoryModule module) =>
        module.TryCheckProtection(Context.Machine, Prot.ReadWrite, shared: true) == Errno.None ? Prot.ReadWrite : Prot.Read;
}
