using UffdActors.Configuration;
using UffdActors.Handling;
using UffdActors.Model;
using UffdActors.Model.Memory;

namespace UffdActors;

/// <summary>What a VM is made of.</summary>
public sealed record VmOptions
{
    /// <summary>
    /// Base pages of physical memory; guest memory, page cache and private copies come out of it. In the model up to 67,108,863 of
    /// <see cref="ContentKind.Bytes"/> (256 GiB).
    /// </summary>
    public required long MemoryPages { get; init; }

    /// <summary>
    /// Huge pages of 2 MiB in the model's pool, unless <c>uffd.kernel.huge-pages</c> says how many; null for what the kernel has.
    /// </summary>
    public long? HugePages { get; init; }

    /// <summary>The kernel; null for the configured one (<c>uffd.kernel.profile</c>). Configured knobs apply in either case.</summary>
    public KernelProfile? Profile { get; init; }

    /// <summary>What pages are made of.</summary>
    public ContentKind Content { get; init; } = ContentKind.Bytes;

    /// <summary>CPU that the VM's fault loop is bound to, one that this process may use; null for what the configuration says.</summary>
    public int? Cpu { get; init; }

    /// <summary>
    /// CPU that the vCPUs' threads are bound to, in the live world, one that this process may use; null for that of the fault loop.
    /// </summary>
    public int? VcpuCpu { get; init; }

    /// <summary>A watchdog of its own, in the live world; null for what the configuration says (<c>uffd.watchdog</c>).</summary>
    public WatchdogOptions? Watchdog { get; init; }

    /// <summary>
    /// Stops what of the guest is not the VM's own: the embedder's threads that touch its memory, KVM vCPUs, a process. Called once and
    /// awaited, when the VM is disposed of or a userfaultfd of it abandoned, after the VM's vCPUs have been stopped and before any
    /// descriptor is closed. When it has returned, no thread of the guest may use what it reads any more, nor a read under way: closing
    /// lets threads that wait for an absent page go on with zeros. It has <c>uffd.close-timeout</c>; if it throws or takes longer, the
    /// guest counts as running (<see cref="IncidentKind.GuestNotStopped"/>).
    /// </summary>
    /// <remarks>
    /// Without it, a userfaultfd is closed while pages are absent only if the guest is known to be the VM's own vCPUs, and else left open
    /// (<see cref="AbsentPages.StayAbsent"/>). In the model there are no threads but vCPUs; it is called there too.
    /// </remarks>
    public Func<CancellationToken, Task>? StopGuest { get; init; }

    /// <summary>What becomes of absent pages when the VM is disposed of, or has failed, and the guest may still run.</summary>
    public AbsentPages AbsentPagesAtDisposal { get; init; }

    /// <summary>
    /// Told of each incident before it can be read from <see cref="UffdVm.Incidents"/>: for a reaction that must not be late. It is called
    /// by the thread that reports, the fault loop's among them, so it must neither block nor call the VM. What it throws is an incident
    /// itself (<see cref="IncidentKind.HookFailed"/>), once.
    /// </summary>
    public Action<Incident>? IncidentObserver { get; init; }

    /// <summary>
    /// Told of each stamped fault of the VM's own vCPUs (<c>sampleEvery</c> of <c>UffdVm.StartVcpusAsync</c> says which are), with a trace
    /// that it may keep. It is called by the thread of the vCPU, the fault loop in the model, when the vCPU has gone on or is about to:
    /// the time it takes is missing there, so it must neither block nor call the VM. What it throws is an incident
    /// (<see cref="IncidentKind.HookFailed"/>), once. Null costs a test.
    /// </summary>
    public Action<FaultTrace>? FaultObserver { get; init; }

    internal IHandlerProbe? Probe { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    internal void ThrowIfOutOfRange()
    {
        OptionRange.Within(MemoryPages, 1, MostPages, nameof(MemoryPages));
        if (HugePages is { } huge) OptionRange.Within(huge, 0, MostPages, nameof(HugePages));
        if (Cpu is { } cpu) OptionRange.Within(cpu, 0, int.MaxValue, nameof(Cpu));
        if (VcpuCpu is { } vcpu) OptionRange.Within(vcpu, 0, int.MaxValue, nameof(VcpuCpu));
        OptionRange.Defined(Content, nameof(Content));
        OptionRange.Defined(AbsentPagesAtDisposal, nameof(AbsentPagesAtDisposal));
    }

    // As many as have a size in bytes.
    private const long MostPages = long.MaxValue >> PageSize.BaseShift;

    /// <summary>For exploration: looking at published state and acting on it are turns of their own.</summary>
    internal bool SplitTurns { get; init; }
}
