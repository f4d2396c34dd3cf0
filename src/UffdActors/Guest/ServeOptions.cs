using UffdActors.Configuration;

namespace UffdActors;

/// <summary>How the faults of a region are served.</summary>
public sealed record ServeOptions
{
    /// <summary>Where pages come from. Stays the embedder's.</summary>
    public required IPageSource Source { get; init; }

    /// <summary>The most handlers that can share a context.</summary>
    public const int MaxHandlers = 1024;

    /// <summary>Handlers that share the context, 1 to <see cref="MaxHandlers"/>; each page belongs to one of them.</summary>
    public int Handlers { get; init; } = 1;

    /// <summary>
    /// Pages that are resolved at a time, from 1 on; null for no limit. With as many outstanding (<see cref="Userfault.Outstanding"/>) no
    /// fault is read: it waits in the kernel, is not lost, and costs nothing here. So do events, unless a fill waits for one of them: then
    /// what stands before it is read all the same.
    /// </summary>
    public int? MaxOutstanding { get; init; }

    /// <summary>
    /// Record how long each thread waits for its pages (<see cref="Userfault.FaultLatenciesAsync"/>): two looks at the clock a fault, and
    /// some 35 KiB a thread, of 4,096 threads at the most.
    /// </summary>
    public bool RecordFaultLatency { get; init; }

    /// <summary>Put an actor between handlers and source even if the source answers at once.</summary>
    public bool SourceActor { get; init; }

    /// <summary>
    /// Called before a write-protected page is given to the thread that writes to it (synchronous write protection): number of the region,
    /// and page. In the turn that clears the protection, so it must not block; the page still has its content of before, and a
    /// <see cref="GuestReader"/> of its own can copy it out. A page that it notes as written and that is protected again later
    /// (<see cref="Userfault.ProtectAsync"/>) is noted again: no write falls between the two. If it throws,
    /// <see cref="ClearIfHookFails"/> says what becomes of the page, and an incident (<see cref="IncidentKind.HookFailed"/>) names it.
    /// May be called again for a page of which nothing was written. For memory of another process, that process or a descriptor has to be
    /// named when it is adopted (<see cref="AdoptedMemory.ProcessId"/>), so that it can be read.
    /// </summary>
    public Action<int, long>? BeforeWrite { get; init; }

    /// <summary>
    /// True to clear the protection of a page for which <see cref="BeforeWrite"/> has thrown: the write goes on, and what the hook was to
    /// keep is lost. False, the default: the page stays protected, with its content of before; its writers wait until
    /// <see cref="Userfault.Recover"/>, and then the hook is called again.
    /// </summary>
    public bool ClearIfHookFails { get; init; }

    /// <summary>
    /// How long a source that fails is asked again, later and later, before the threads that wait for it pause; the same for an empty pool
    /// of huge pages and for pages that crash handlers. From zero on, <see cref="Timeout.InfiniteTimeSpan"/> for ever; null for what the
    /// configuration says (<c>uffd.source-patience</c>). One incident says that an outage begins, one that threads have paused, one that it
    /// is over.
    /// </summary>
    public TimeSpan? SourcePatience { get; init; }

    /// <summary>What ends the pause; null for what the configuration says (<c>uffd.source-resume</c>).</summary>
    public SourceResume? Resume { get; init; }

    /// <summary>
    /// True to poison (UFFDIO_POISON) the pages that the source has lost for good (<see cref="PageLostException"/>) when they are touched:
    /// user mode gets SIGBUS, a system call EFAULT. Refused where a vCPU would take the process along. The push pauses on such pages until
    /// they have been touched, or poisoned by <see cref="Userfault.PoisonAsync"/>, and <see cref="Userfault.Recover"/> is called. False,
    /// the default: their threads wait, and an incident says so, until <see cref="Userfault.Recover"/> or
    /// <see cref="Userfault.AbandonAsync(CancellationToken)"/>. Either way they never become zeros.
    /// </summary>
    public bool PoisonLostPages { get; init; }

    /// <summary>
    /// Told of each wait of a thread that is over: the thread, as <see cref="FaultLatency.ThreadId"/>, and the fault, of which it is known
    /// when it was read and when its thread was woken. For threads that are no vCPUs of this library; those have
    /// <see cref="VmOptions.FaultObserver"/>, which sees every hop. Records latencies too. It is called in a turn of the fault loop, so it
    /// must neither block nor call the VM; it costs an object for each fault. What it throws is an incident
    /// (<see cref="IncidentKind.HookFailed"/>), once.
    /// </summary>
    public Action<int, FaultTrace>? ThreadFaultObserver { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    internal void ThrowIfOutOfRange()
    {
        ArgumentNullException.ThrowIfNull(Source);
        OptionRange.Within(Handlers, 1, MaxHandlers, nameof(Handlers));
        if (MaxOutstanding is { } most) OptionRange.Within(most, 1, int.MaxValue, nameof(MaxOutstanding));
        if (SourcePatience is { } patience && patience < TimeSpan.Zero && patience != Timeout.InfiniteTimeSpan)
            throw new ArgumentOutOfRangeException(
                nameof(SourcePatience), patience,
                $"{nameof(SourcePatience)} must not be negative; use Timeout.InfiniteTimeSpan to wait for ever.");
        if (Resume is { } resume) OptionRange.Defined(resume, nameof(Resume));
    }
}
