using UffdActors.Handling;
using UffdActors.Model;
using UffdActors.Model.Memory;
using UffdActors.PageSources;

namespace UffdActors;

/// <summary>What a VM is made of.</summary>
public sealed record VmOptions
{
    /// <summary>Base pages of physical memory; guest memory, page cache and private copies come out of it.</summary>
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
    /// descriptor is closed. When it has returned, nobody may make use of what he touches any more, nor of a touch under way: closing lets
    /// threads that wait for an absent page go on with zeros. It has <c>uffd.close-timeout</c>; if it throws or takes longer, the guest
    /// counts as running (<see cref="Handling.IncidentKind.GuestNotStopped"/>).
    /// </summary>
    /// <remarks>
    /// Without it, a userfaultfd is closed while pages are absent only if the guest is known to be the VM's own vCPUs, and else left open
    /// (<see cref="AbsentPages.StayAbsent"/>). In the model there are no threads but vCPUs; it is called there too.
    /// </remarks>
    public Func<CancellationToken, Task>? StopGuest { get; init; }

    /// <summary>What becomes of absent pages when the VM is disposed of, or has failed, and the guest may still run.</summary>
    public AbsentPages AbsentPagesAtDisposal { get; init; }

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

/// <summary>What a region of guest memory is made of.</summary>
public sealed record RegionOptions
{
    /// <summary>Size in base pages, at least one: whole pages of the module's page size.</summary>
    public required long Pages { get; init; }

    /// <summary>Name of the memory module; null for anonymous memory.</summary>
    public string? Module { get; init; }

    /// <summary>
    /// A second mapping of the same memory, which is never registered: content goes in through it where faults are resolved by
    /// CONTINUE. Its pages are allocated in full and mapped. Not of anonymous memory, which nothing can map twice. As all pages
    /// are there then, MISSING alone raises no fault, and such a registration is not served.
    /// </summary>
    public bool WithAlias { get; init; }

    /// <summary>
    /// The page cache will hold all content before the guest runs: somebody else fills it. CONTINUE then maps what is there, and no source
    /// is asked for it. Without an alias this is what makes MINOR faults enough: a page that is not in the cache raises none, and would be
    /// read as zeros.
    /// </summary>
    public bool IsFilled { get; init; }

    /// <summary>Leaves the alias unpopulated, which MINOR without MISSING does not survive: for the test that shows it.</summary>
    internal bool LeaveAliasEmpty { get; init; }

    /// <summary>Every world refuses a part of a page alike, though a kernel may round it up.</summary>
    /// <exception cref="ArgumentException">It is not whole pages of this size.</exception>
    internal static void ThrowIfNotWhole(RegionOptions options, long pageBytes)
    {
        long unit = pageBytes >> PageSize.BaseShift;
        if (options.Pages % unit != 0)
            throw new ArgumentException(
                $"{options.Pages} base pages are not whole pages of {options.Module ?? "anonymous memory"}, which has {pageBytes} bytes a "
                    + $"page; use a multiple of {unit}.", nameof(options));
    }
}

/// <summary>How the faults of a region are served.</summary>
public sealed record ServeOptions
{
    /// <summary>Where pages come from. Stays the embedder's.</summary>
    public required IPageSource Source { get; init; }

    /// <summary>The most handlers that can share a context.</summary>
    public const int MaxHandlers = 1024;

    /// <summary>Handlers that share the context, 1 to <see cref="MaxHandlers"/>; each page belongs to one of them.</summary>
    public int Handlers { get; init; } = 1;

    /// <summary>Put an actor between handlers and source even if the source answers at once.</summary>
    public bool SourceActor { get; init; }

    /// <summary>
    /// Called before a write-protected page is given to the thread that writes to it (synchronous write protection): number of the region,
    /// and page. In the turn that clears the protection, so it must not block; the page still has its content of before, and a
    /// <see cref="GuestReader"/> of its own can copy it out. A page that it notes as written and that is protected again later
    /// (<see cref="Userfault.ProtectAsync"/>) is noted again: no write falls between the two. If it throws, <see cref="HookFailure"/> says
    /// what becomes of the page, and an incident (<see cref="IncidentKind.HookFailed"/>) names it. May be called again for a page of which
    /// nothing was written. For memory of another process, that process or a descriptor has to be named when it is adopted
    /// (<see cref="AdoptedMemory.ProcessId"/>), so that it can be read.
    /// </summary>
    public Action<int, long>? BeforeWrite { get; init; }

    /// <summary>What becomes of a protected page for which <see cref="BeforeWrite"/> has thrown.</summary>
    public HookFailure HookFailure { get; init; }

    /// <summary>
    /// How long a source that fails is asked again, later and later, before those who wait for it pause; the same for an empty pool of huge
    /// pages and for pages that crash handlers. From zero on, <see cref="Timeout.InfiniteTimeSpan"/> for ever; null for what the
    /// configuration says (<c>uffd.source-patience</c>). One incident says that an outage begins, one that they have paused, one that it is
    /// over.
    /// </summary>
    public TimeSpan? SourcePatience { get; init; }

    /// <summary>What ends the wait of those who have paused; null for what the configuration says (<c>uffd.source-resume</c>).</summary>
    public SourceResume? Resume { get; init; }

    /// <summary>What becomes of pages that the source has lost for good (<see cref="PageLostException"/>).</summary>
    public LostPages LostPages { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    internal void ThrowIfOutOfRange()
    {
        ArgumentNullException.ThrowIfNull(Source);
        OptionRange.Within(Handlers, 1, MaxHandlers, nameof(Handlers));
        if (SourcePatience is { } patience && patience < TimeSpan.Zero && patience != Timeout.InfiniteTimeSpan)
            throw new ArgumentOutOfRangeException(
                nameof(SourcePatience), patience,
                $"{nameof(SourcePatience)} must not be negative; use Timeout.InfiniteTimeSpan to wait for ever.");
        OptionRange.Defined(HookFailure, nameof(HookFailure));
        if (Resume is { } resume) OptionRange.Defined(resume, nameof(Resume));
        OptionRange.Defined(LostPages, nameof(LostPages));
    }
}

/// <summary>What becomes of a protected page whose hook for writes has thrown. Either way an incident names region and page.</summary>
public enum HookFailure
{
    /// <summary>
    /// It stays protected, with its content of before; whoever writes to it waits until <see cref="Userfault.Recover"/>, and then the hook
    /// is called again.
    /// </summary>
    Wait,

    /// <summary>Its protection is cleared and the write goes on: the guest is worth more than what the hook was to keep.</summary>
    Clear,
}

/// <summary>What ends the wait of those who have paused when the patience with a failing page source was over.</summary>
public enum SourceResume
{
    /// <summary>
    /// The source itself: one of them asks it about once a second, and when it answers, all go on. <see cref="Userfault.Recover"/> does so
    /// at once.
    /// </summary>
    Auto,

    /// <summary><see cref="Userfault.Recover"/> alone.</summary>
    Manual,
}

/// <summary>What becomes of pages that are lost for good. They never become zeros.</summary>
public enum LostPages
{
    /// <summary>
    /// Their threads wait, and an incident says so, until <see cref="Userfault.Recover"/> or
    /// <see cref="Userfault.AbandonAsync(CancellationToken)"/>.
    /// </summary>
    Wait,

    /// <summary>
    /// They are poisoned (UFFDIO_POISON): user mode gets SIGBUS, a system call EFAULT. Refused where a vCPU would take the process along.
    /// The push pauses on such pages until they have been touched, or poisoned by <see cref="Userfault.PoisonAsync"/>, and
    /// <see cref="Userfault.Recover"/> is called.
    /// </summary>
    Poison,
}
