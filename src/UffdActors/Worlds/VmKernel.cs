using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations.Maps;

namespace UffdActors.Worlds;

/// <summary>
/// The kernel under one VM: it maps memory, opens userfaultfds and runs vCPUs. What the facade does is in <see cref="UffdVm"/>.
/// </summary>
/// <remarks>Safe for any thread, as the facade is.</remarks>
internal abstract class VmKernel
{
    /// <summary>The kernel that the model behaves like; null if it is the real one.</summary>
    public abstract KernelProfile? Profile { get; }

    /// <summary>What its pages are made of.</summary>
    public virtual ContentKind Content => ContentKind.Bytes;

    /// <summary>What it is called in reports: the name of the profile, or the release of this machine's kernel.</summary>
    public abstract string Name { get; }

    /// <summary>CPU that the vCPUs are bound to as threads of their own; null for any, and where they are no threads.</summary>
    public abstract int? VcpuCpu { get; }

    /// <summary>True if there is swap, so that MADV_PAGEOUT takes pages out.</summary>
    public abstract bool HasSwap { get; }

    /// <summary>Native bytes of bookkeeping of ours.</summary>
    public abstract long BookkeepingBytes { get; }

    /// <summary>Touches physical memory that is ours.</summary>
    public abstract void PrefaultMemory(CancellationToken cancel);

    /// <summary>The VM's root exists: starts what else is needed.</summary>
    public abstract Task StartAsync(CancellationToken cancel);

    /// <summary>Maps a region, and its alias if one is asked for.</summary>
    public abstract Task<MappedMemory> MapAsync(RegionOptions options, CancellationToken cancel);

    /// <summary>Uses memory of somebody else's, and maps its alias if there is one.</summary>
    public virtual Task<MappedMemory> AdoptAsync(AdoptedMemory memory, CancellationToken cancel) => throw NothingToAdopt();

    /// <summary>Takes over a userfaultfd that somebody else has opened.</summary>
    public virtual Task<KernelUserfault> AdoptAsync(AdoptedUserfault userfault, CancellationToken cancel) => throw NothingToAdopt();

    /// <summary>Unmaps a region, but not its alias. Waits for the end of the call, once that has been issued.</summary>
    public abstract Task UnmapAsync(GuestRegion region, CancellationToken cancel);

    /// <summary>Unmaps the alias of a region that has been unmapped, if it has one: nobody fills through it any more.</summary>
    public abstract Task UnmapAliasAsync(GuestRegion region);

    /// <summary>Takes pages of a region away.</summary>
    /// <param name="region">The region.</param>
    /// <param name="firstPage">First page of it.</param>
    /// <param name="pages">Base pages.</param>
    /// <param name="advice">Which.</param>
    /// <param name="ended">
    /// Called when the call has ended, however it has: also if nobody waits for it any more. Not if it was never made.
    /// </param>
    /// <param name="cancel">Cancels the call if it has not been issued yet.</param>
    public abstract Task AdviseAsync(GuestRegion region, long firstPage, long pages, Advice advice, Action ended, CancellationToken cancel);

    /// <summary>Opens a userfaultfd and shakes hands.</summary>
    public abstract Task<KernelUserfault> OpenAsync(UffdFeatures features, CancellationToken cancel);

    /// <summary>Makes a vCPU.</summary>
    public abstract VcpuThread NewVcpu();

    /// <summary>Says why nobody can read a region from here, if so.</summary>
    /// <exception cref="InvalidOperationException">It cannot be read.</exception>
    public virtual void ThrowIfUnreadable(GuestRegion region)
    {
    }

    /// <summary>Makes a reader of pages that are there.</summary>
    public abstract GuestReader NewReader();

    /// <summary>True if a mapping uses the module.</summary>
    public abstract bool Uses(MemoryModule module);

    /// <summary>False if a vCPU that touches a poisoned page takes the whole process along.</summary>
    public abstract bool GuestSurvivesPoison { get; }

    /// <summary>
    /// From here on no vCPU makes use of what it touches, not even of a touch that is under way: closing a userfaultfd lets waiting threads
    /// go on with zeros.
    /// </summary>
    public abstract void HaltGuest();

    /// <summary>The embedder was asked to stop what of the guest is his.</summary>
    /// <param name="isStopped">He has.</param>
    public virtual void StopHasEnded(bool isStopped)
    {
    }

    /// <summary>
    /// All actors have ended: closes what was left open until the guest is stopped, if it is now, and reports what stays open for good.
    /// </summary>
    public virtual void CloseRest()
    {
    }

    /// <summary>Gives the memory back, when all actors have ended; but none of a guest that may still run while pages are absent.</summary>
    /// <exception cref="TimeoutException">A thread of the guest still touches it; the memory is kept.</exception>
    public abstract Task FreeAsync(TimeSpan timeout);

    private static NotSupportedException NothingToAdopt() =>
        new("The model has no memory and no userfaultfd but its own; adopt those of a process in the live world (uffd.world = live).");
}

/// <summary>Where a region has been mapped.</summary>
/// <param name="Address">Address.</param>
/// <param name="AliasAddress">Address of the alias; 0 if there is none.</param>
/// <param name="PageBytes">Bytes of a page.</param>
/// <param name="Memory">What the kernel has it by; null if it needs nothing.</param>
/// <param name="IsReadOnly">Nobody can write to it, so it holds its content already.</param>
internal readonly record struct MappedMemory(
    ulong Address, ulong AliasAddress, int PageBytes, object? Memory = null, bool IsReadOnly = false);

/// <summary>Why a userfaultfd is closed.</summary>
internal enum ClosingReason
{
    /// <summary>It is given up, as its VM is: the guest has been stopped as far as that is in our hands.</summary>
    GivenUp,

    /// <summary>No page is absent, so nobody can read zeros.</summary>
    NothingIsAbsent,

    /// <summary>Pages are absent, and the embedder takes the loss.</summary>
    LossIsTaken,
}

/// <summary>What a userfaultfd still owes its guest.</summary>
/// <param name="Regions">Regions whose pages come through it, for reports; empty if none do, and closing turns nothing into zeros.</param>
/// <param name="Pages">Pages of regions that are being served and are not there.</param>
internal readonly record struct Absence(string Regions, long Pages);

/// <summary>A userfaultfd of a kernel, as the facade needs it.</summary>
internal abstract class KernelUserfault
{
    /// <summary>The reader's side.</summary>
    public abstract IUffdDescriptor Descriptor { get; }

    /// <summary>The context's actor.</summary>
    public abstract IActorRef Actor { get; }

    /// <summary>Whether the memory that it acts on is still there.</summary>
    public abstract OwnerWatch Owner { get; }

    /// <summary>True if somebody else may have read faults of it.</summary>
    public virtual bool IsTakenOver => false;

    /// <summary>Makes a thread of the monitor.</summary>
    public abstract MonitorThread NewMonitorThread();

    /// <summary>The reader that serves it from now on; set before the first fault is read.</summary>
    public virtual void Serve(FaultReader reader)
    {
    }

    /// <summary>UFFDIO_REGISTER.</summary>
    public abstract Task<UffdIoctls> RegisterAsync(GuestRegion region, RegisterModes modes, CancellationToken cancel);

    /// <summary>UFFDIO_UNREGISTER of pages of a region; where that wakes nobody, UFFDIO_WAKE of them follows (SEMANTICS 3.4.3).</summary>
    public abstract Task<IoctlResult> UnregisterAsync(GuestRegion region, PageRange pages, RegisterModes modes, CancellationToken cancel);

    /// <summary>UFFDIO_WRITEPROTECT. Never between the embedder's hook for a write and the clearing that follows it.</summary>
    public abstract Task<IoctlResult> WriteProtectAsync(
        GuestRegion region, PageRange pages, WriteProtectModes modes, CancellationToken cancel);

    /// <summary>PAGEMAP_SCAN: what was written since it was protected, as pages of the region; protected again.</summary>
    /// <param name="region">The region.</param>
    /// <param name="pages">Pages of it that lie in one piece.</param>
    /// <param name="address">Where they are now.</param>
    /// <param name="cancel">Cancels it, if it has not begun.</param>
    /// <exception cref="UffdException">The kernel refuses.</exception>
    public abstract Task<IReadOnlyList<PageRange>> TakeWrittenAsync(
        GuestRegion region, PageRange pages, ulong address, CancellationToken cancel);

    /// <summary>Pages that are there and not write-protected, as pages of the region, ascending; nothing is changed.</summary>
    /// <param name="region">The region.</param>
    /// <param name="pages">Pages of it that lie in one piece.</param>
    /// <param name="address">Where they are now.</param>
    /// <param name="cancel">Cancels it.</param>
    /// <exception cref="UffdException">The kernel refuses.</exception>
    public abstract Task<IReadOnlyList<PageRange>> FindWrittenAsync(
        GuestRegion region, PageRange pages, ulong address, CancellationToken cancel);

    /// <summary>UFFDIO_MOVE.</summary>
    public abstract Task<IoctlResult> MoveAsync(
        GuestRegion destination, PageRange pages, ulong source, MoveModes modes, CancellationToken cancel);

    /// <summary>UFFDIO_POISON.</summary>
    public abstract Task<IoctlResult> PoisonAsync(GuestRegion region, PageRange pages, CancellationToken cancel);

    /// <summary>Descriptors of forked children that nobody has taken.</summary>
    public virtual IReadOnlyList<int> TakeChildren() => [];

    /// <summary>
    /// Tells what is absent, whenever its actor ends: the kernel asks before it closes. Nothing to do where no thread runs on without its
    /// actor.
    /// </summary>
    public virtual void Ask(Func<Absence> absence)
    {
    }

    /// <summary>Says why it is closed, before it is.</summary>
    public virtual void Closes(ClosingReason reason)
    {
    }

    /// <summary>
    /// close(2): waiting threads go on, with pages of zeros where pages are absent; or leaves it open, where that must not be.
    /// </summary>
    public abstract Task CloseAsync(CancellationToken cancel);
}

/// <summary>A thread of the guest.</summary>
internal abstract class VcpuThread
{
    /// <summary>
    /// Makes its actor, which begins with <see cref="VmProtocol.Resume"/>, ends with the next access after
    /// <see cref="VmProtocol.StopVcpu"/>, and tells its progress when it has ended.
    /// </summary>
    public abstract IActorRef Start(IActorContext parent, VmContext vm, VcpuOptions options, string name);
}
