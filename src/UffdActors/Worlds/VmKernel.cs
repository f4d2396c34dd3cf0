using System.Runtime.InteropServices;
using UffdActors.Actors;
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
    /// <summary>The regions that are mapped in it, or were.</summary>
    public GuestRegions Regions { get; } = new();

    /// <summary>What its pages are made of.</summary>
    public virtual ContentKind Content => ContentKind.Bytes;

    /// <summary>What it is called in reports: the name of the profile, or the release of this machine's kernel.</summary>
    public abstract string Name { get; }

    /// <summary>CPU that the vCPUs are bound to as threads of their own; null for any, and where they are no threads.</summary>
    public abstract int? VcpuCpu { get; }

    /// <summary>True if there is swap, so that MADV_PAGEOUT takes pages out.</summary>
    public abstract bool HasSwap { get; }

    /// <summary>Bytes of native memory that the kernel's bookkeeping takes in this process.</summary>
    public abstract long BookkeepingBytes { get; }

    /// <summary>Touches the physical memory of the model once, so that no later measurement pays for it; live it does nothing.</summary>
    public abstract void PrefaultMemory(long pages, CancellationToken cancel);

    /// <summary>The VM's root exists: starts what else is needed.</summary>
    public abstract Task StartAsync(CancellationToken cancel);

    /// <summary>Maps a region, and its alias if one is asked for.</summary>
    public abstract Task<MappedMemory> MapAsync(RegionOptions options, CancellationToken cancel);

    /// <summary>Uses memory that other code has mapped, and maps its alias if there is one.</summary>
    public virtual Task<MappedMemory> AdoptAsync(AdoptedMemory memory, CancellationToken cancel) => throw NothingToAdopt();

    /// <summary>Takes over a userfaultfd that other code has opened.</summary>
    public virtual Task<KernelUserfault> AdoptAsync(AdoptedUserfault userfault, CancellationToken cancel) => throw NothingToAdopt();

    /// <summary>
    /// Unmaps a part of a region, but not of its alias; the part that ends with the region is the last one. Waits for the end of the call,
    /// once that has been issued.
    /// </summary>
    public abstract Task UnmapAsync(GuestRegion region, PageRange pages, CancellationToken cancel);

    /// <summary>Unmaps the alias of a region that has been unmapped, if it has one: no fill goes through it any more.</summary>
    public abstract Task UnmapAliasAsync(GuestRegion region);

    /// <summary>Takes pages of a region away.</summary>
    /// <param name="region">The region.</param>
    /// <param name="firstPage">First page of it.</param>
    /// <param name="pages">Base pages.</param>
    /// <param name="advice">How: DONTNEED, REMOVE, PAGEOUT, ...</param>
    /// <param name="ended">
    /// Called when the call has ended, with success or not, also if its caller has stopped waiting. Not if it was never made.
    /// </param>
    /// <param name="cancel">Cancels the call if it has not been issued yet.</param>
    public abstract Task AdviseAsync(GuestRegion region, long firstPage, long pages, Advice advice, Action ended, CancellationToken cancel);

    /// <summary>Opens a userfaultfd and shakes hands.</summary>
    public abstract Task<KernelUserfault> OpenAsync(UffdFeatures features, CancellationToken cancel);

    /// <summary>True if the thread that reads the faults polls descriptors.</summary>
    public virtual bool PollsDescriptors => false;

    /// <summary>Polls a descriptor of the embedder beside the userfaultfds, until it is not wanted any more or the VM ends.</summary>
    /// <param name="descriptor">The descriptor.</param>
    /// <param name="readable">Called on the loop's thread when it can be read; false ends the polling.</param>
    public virtual Task PollAsync(SafeHandle descriptor, Func<bool> readable) =>
        throw new NotSupportedException("The model polls no descriptors; read it on a thread of your own.");

    /// <summary>Duplicates the descriptor of the memory behind a region.</summary>
    /// <exception cref="InvalidOperationException">It has none.</exception>
    public virtual SafeHandle OpenDescriptor(GuestRegion region) =>
        throw new NotSupportedException("The model's memory is no file that another process could map; use the live world.");

    /// <summary>Makes a vCPU.</summary>
    public abstract VcpuThread NewVcpu();

    /// <summary>Throws, with the reason, if a region cannot be read from here.</summary>
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

    /// <summary>The embedder was asked to stop its own part of the guest.</summary>
    /// <param name="isStopped">It has been stopped.</param>
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
