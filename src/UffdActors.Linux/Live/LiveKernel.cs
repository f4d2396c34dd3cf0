using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Dispatch;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Native;
using UffdActors.Linux.Needs;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Linux.Watching;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Worlds;

namespace UffdActors.Linux.Live;

/// <summary>
/// The kernel of this machine under a VM: its memory is mapped into this process, and its vCPUs are threads of this process.
/// </summary>
internal sealed class LiveKernel : VmKernel
{
    private readonly VmRoot _vm;
    private readonly DescriptorWaiter _waiter;
    private readonly int? _vcpuCpu;
    private readonly WatchedBy? _watched;
    private readonly Lazy<string> _name = new(MachineProbe.KernelRelease);
    private readonly LiveMemories _memories = new();
    private readonly LiveClosing _closing;
    private readonly ConcurrentDictionary<uint, LiveVcpu> _vcpus = new();
    private readonly ConcurrentBag<LiveVcpu> _threads = [];
    private readonly ConcurrentDictionary<MemoryBacking, Lazy<Task<IActorRef>>> _backends = new();
    private readonly Lazy<ProcessMemory> _own = new(OpenOwn, LazyThreadSafetyMode.PublicationOnly);
    private WatchdogProcess? _watchdog;
    private volatile bool _isHalted;

    public LiveKernel(VmRoot vm, VmOptions options, VmLoop loop, DescriptorWaiter waiter, WatchedBy? watched)
    {
        _watched = watched;
        _vm = vm;
        _waiter = waiter;
        _vcpuCpu = options.VcpuCpu ?? loop.Cpu;
        _closing = new LiveClosing(vm, options, _memories, () => HasVcpus);
    }

    /// <inheritdoc />
    public override string Name => _name.Value;

    /// <inheritdoc />
    public override int? VcpuCpu => _vcpuCpu;

    /// <inheritdoc />
    public override bool HasSwap => MachineProbe.HasSwap;

    /// <inheritdoc />
    public override long BookkeepingBytes => 0;

    /// <summary>True once no vCPU may use what it touches any more.</summary>
    public bool IsHalted => _isHalted;

    /// <summary>Tells which pages are mapped.</summary>
    public Pagemap Pagemap => _own.Value.Pagemap;

    /// <summary>The memory of this process.</summary>
    public ProcessMemory OwnMemory => _own.Value;

    /// <summary>The process that watches the VM; null if none does.</summary>
    public WatchdogProcess? Watchdog => _watchdog;

    /// <summary>Where it is watched; null if it is not.</summary>
    public FaultBoard? Board => _watched?.Watchdog.Board;

    /// <summary>What the VM's actors share.</summary>
    public VmContext Context => _vm.Context;

    /// <summary>What polls the VM's descriptors.</summary>
    public DescriptorWaiter Waiter => _waiter;

    /// <inheritdoc />
    public override void PrefaultMemory(long pages, CancellationToken cancel)
    {
        // Not done for the guest's memory: touching it raises the page faults that are to be measured.
    }

    /// <inheritdoc />
    public override async Task StartAsync(CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        if (_watched is null) return;
        _watchdog = _watched.Watchdog.Run();
        _watchdog.Lost += OnWatchdogLost;
        await _watchdog.ReadyAsync(cancel);
    }

    /// <inheritdoc />
    public override Task<MappedMemory> MapAsync(RegionOptions options, CancellationToken cancel) =>
        RefusedAsync(
            () => _memories.AddAsync(
                LiveMemory.Map(options), populate: options.WithAlias && !options.LeavesAliasEmpty && !options.IsFilled, isNew: true));

    /// <inheritdoc />
    public override Task<MappedMemory> AdoptAsync(AdoptedMemory adopted, CancellationToken cancel)
    {
        LiveMemory memory;
        try
        {
            memory = LiveMemory.Adopt(adopted);
        }
        catch (SyscallException e)
        {
            throw e.Error is Errno.ENOMEM or Errno.EMFILE or Errno.ENFILE
                ? e.ToRefusal()
                : new UffdException("mmap", e.Error, $"descriptor {adopted.Descriptor} cannot be mapped as the memory's alias", e);
        }

        // Memory that is in use was allocated before; what its owner has punched out since is to stay out.
        bool populate = memory.Alias is not null && !adopted.IsFilled && adopted.Written is not { IsFound: true };
        return RefusedAsync(() => _memories.AddAsync(memory, populate, isNew: false));
    }

    /// <inheritdoc />
    public override async Task UnmapAsync(GuestRegion region, PageRange pages, CancellationToken cancel)
    {
        LiveMemory memory = MemoryOf(region);
        // Sleeps until the event has been read, if there is one.
        Errno error = await Task.Run(
            () => memory.Here.Unmap(pages.Start << PageSize.BaseShift, pages.Count << PageSize.BaseShift), cancel);
        if (error != Errno.None) throw new UffdException("munmap", error, KernelErrors.Explain("munmap", error));
        if (pages.Start == 0) memory.StartIsUnmapped();
        if (pages.End == region.Pages) memory.GuestIsUnmapped();
    }

    /// <inheritdoc />
    public override Task UnmapAliasAsync(GuestRegion region) => Task.Run(MemoryOf(region).Dispose);

    /// <inheritdoc />
    public override Task AdviseAsync(
        GuestRegion region, long firstPage, long pages, Advice advice, Action ended, CancellationToken cancel) =>
        LiveAdvice.MakeAsync(MemoryOf(region), region, firstPage, pages, advice, ended, cancel);

    /// <inheritdoc />
    public override Task<KernelUserfault> OpenAsync(UffdFeatures features, CancellationToken cancel) =>
        RefusedAsync(() => OpenAsync(features));

    private async Task<KernelUserfault> OpenAsync(UffdFeatures features)
    {
        UffdDescriptor uffd = UffdDescriptor.Open(new UffdOpenOptions { AllowUserModeOnly = true });
        try
        {
            if (uffd.Notice is { } notice) _vm.Context.Incidents.Report(new Incident(IncidentKind.UserModeOnly, notice));
            // THREAD_ID tells whose fault a message is, so that its vCPU can be shown how long it took.
            Errno error = uffd.Handshake(features | UffdFeatures.ThreadId, out _);
            if (error != Errno.None) throw HandshakeRefusal.Of(features | UffdFeatures.ThreadId, error, Confinement.Read());
            return await AttachAsync(uffd, null);
        }
        catch
        {
            uffd.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public override async Task<KernelUserfault> AdoptAsync(AdoptedUserfault adopted, CancellationToken cancel)
    {
        UffdDescriptor uffd = UffdDescriptor.Adopt(adopted.Descriptor);
        try
        {
            UffdFdInfo info = uffd.ReadFdInfo();
            if (!info.IsInitialized)
                throw new ArgumentException(
                    $"Userfaultfd {adopted.Descriptor} has not shaken hands; call UFFDIO_API before it is handed over.", nameof(adopted));
            uffd.MakeNonBlocking();
            return await AttachAsync(uffd, adopted);
        }
        catch (Exception e)
        {
            uffd.Dispose();
            if (e is SyscallException failed) throw failed.ToRefusal();
            if (e is IOException or FormatException)
                throw new ArgumentException($"Descriptor {adopted.Descriptor} of this process is no userfaultfd.", nameof(adopted), e);
            throw;
        }
    }

    /// <summary>Gives a userfaultfd its actor, which owns it from then on.</summary>
    public async Task<KernelUserfault> AttachAsync(UffdDescriptor uffd, AdoptedUserfault? adopted)
    {
        string name = _vm.NewName("context");
        BoardSlot? slot = _watched?.Watchdog.Board.Take($"{_vm.Name}/{name}", uffd.Handle.Number, _watched.Options);
        try
        {
            LiveDescriptor descriptor = new(uffd, this, slot, adopted);
            _waiter.Attach(descriptor);
            IActorRef actor = await _vm.StartActorAsync(UffdContextActor.Props(_vm.Context, descriptor), name);
            return new LiveUserfault(_vm, this, descriptor, actor, adopted);
        }
        catch
        {
            slot?.Free();
            throw;
        }
    }

    /// <inheritdoc />
    public override bool PollsDescriptors => true;

    /// <inheritdoc />
    public override async Task PollAsync(SafeHandle descriptor, Func<bool> readable)
    {
        LinuxHandle handle;
        try
        {
            handle = PolledDescriptor.Duplicate(descriptor);
        }
        catch (SyscallException e)
        {
            throw e.ToRefusal();
        }

        TaskCompletionSource ended = _vm.NewCompletion();
        try
        {
            _ = await _vm.StartActorAsync(
                PolledDescriptor.Props(new PolledOptions(handle, _waiter, readable, _vm.Calls, ended), _vm.Context), _vm.NewName("polled"));
        }
        catch
        {
            handle.Dispose();
            throw;
        }

        await ended.Task;
    }

    /// <inheritdoc />
    public override SafeHandle OpenDescriptor(GuestRegion region)
    {
        try
        {
            return MemoryOf(region).OpenDescriptor(region);
        }
        catch (SyscallException e)
        {
            throw e.ToRefusal();
        }
    }

    /// <inheritdoc />
    public override VcpuThread NewVcpu()
    {
        LiveVcpu vcpu = new(_vm, this);
        _threads.Add(vcpu);
        return vcpu;
    }

    /// <inheritdoc />
    public override GuestReader NewReader() => new LiveReader(_vm, this);

    /// <inheritdoc />
    public override void ThrowIfUnreadable(GuestRegion region) => MemoryOf(region).ThrowIfUnreadable();

    /// <inheritdoc />
    public override bool Uses(MemoryModule module) => false;

    /// <inheritdoc />
    public override bool GuestSurvivesPoison => false;

    /// <inheritdoc />
    public override void HaltGuest() => _isHalted = true;

    /// <summary>True if the VM has had vCPUs.</summary>
    public bool HasVcpus => !_threads.IsEmpty;

    /// <inheritdoc />
    public override void StopHasEnded(bool isStopped) => _closing.StopHasEnded(isStopped);

    /// <summary>The actor of a userfaultfd has ended: closes it, or leaves it open for the guest's sake.</summary>
    public void CloseOrLeave(LiveDescriptor descriptor) => _closing.CloseOrLeave(descriptor);

    /// <summary>True if a userfaultfd would be closed for a reason now, and not left open.</summary>
    public bool WillClose(LiveDescriptor descriptor, ClosingReason reason) => _closing.WillClose(descriptor, reason);

    /// <inheritdoc />
    public override void CloseRest() => _closing.CloseRest();

    /// <inheritdoc />
    public override async Task FreeAsync(TimeSpan timeout)
    {
        if (_watchdog is not null) _watchdog.Lost -= OnWatchdogLost;
        if (_own.IsValueCreated) _own.Value.Dispose();
        // A thread may still run in the memory, or sleep in it.
        if (_closing.HasLeft) return;
        // The descriptors are closed, so nothing keeps a thread in a touch.
        await Task.WhenAll(_threads.Select(t => t.Ended)).WaitAsync(timeout);
        _memories.Free();
    }

    // EMFILE may be over by the next attempt.
    private static ProcessMemory OpenOwn()
    {
        try
        {
            return ProcessMemory.Open(null);
        }
        catch (SyscallException e)
        {
            throw e.ToRefusal();
        }
    }

    /// <summary>The embedder sees a failed system call as a refusal of the kernel.</summary>
    private static async Task<T> RefusedAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (SyscallException e)
        {
            throw e.ToRefusal();
        }
    }

    /// <summary>The process in which memory is mapped; null if that is another one that was not named.</summary>
    public ProcessMemory? ProcessOf(LiveMemory memory) => !memory.IsInOtherProcess ? OwnMemory : memory.Process;

    /// <summary>Memory of a region. Not by its address, which is another region's once it has been unmapped.</summary>
    public LiveMemory MemoryOf(GuestRegion region) =>
        region.Memory as LiveMemory ?? throw new ArgumentException($"{_vm.Name} has no memory for region {region.Id}.", nameof(region));

    /// <summary>Makes the backends; a test may put others in their place.</summary>
    public Func<MemoryBacking, LiveBackend> NewBackend { get; set; } = LiveBackend.Of;

    /// <summary>The actor that fills a kind of memory; made when it is first needed, one a VM.</summary>
    public Task<IActorRef> BackendAsync(MemoryBacking backing) => _backends.GetOrAdd(
        backing,
        static (kind, kernel) => new Lazy<Task<IActorRef>>(
            () => kernel._vm.StartActorAsync(
                LiveBackendActor.Props(kernel._vm.Context, kernel.NewBackend(kind)), kernel._vm.NewName($"backend-{kind}"))),
        this).Value;

    /// <summary>A vCPU runs on this thread from now on.</summary>
    public void Enter(LiveVcpu vcpu) => _vcpus[(uint)ThreadPlacement.ThreadId] = vcpu;

    /// <summary>The vCPU of this thread has ended.</summary>
    public void Leave() => _ = _vcpus.TryRemove((uint)ThreadPlacement.ThreadId, out _);

    /// <summary>The vCPU that runs on a thread, or null.</summary>
    public LiveVcpu? VcpuOf(uint threadId) => _vcpus.TryGetValue(threadId, out LiveVcpu? vcpu) ? vcpu : null;

    private void OnWatchdogLost(string message) =>
        _vm.Context.Incidents.Report(new Incident(IncidentKind.WatchdogLost, message));
}
