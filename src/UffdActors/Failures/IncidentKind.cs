namespace UffdActors;

/// <summary>What can go wrong without ending the program.</summary>
public enum IncidentKind
{
    /// <summary>A bug in a ring actor: the VM has failed closed; its vCPUs stay where they are.</summary>
    VmFailed,

    /// <summary>Disposing of the VM took longer than <c>uffd.close-timeout</c>.</summary>
    CloseTimedOut,

    /// <summary>A call whose caller had given up waiting has ended; the message says how.</summary>
    CancelledCallEnded,

    /// <summary>A handler crashed; it was restarted, and its faults were delivered again.</summary>
    HandlerCrashed,

    /// <summary>
    /// Handlers crashed too often on one page; it is held back, and handed out again later and later (<c>uffd.source-patience</c>).
    /// </summary>
    PageQuarantined,

    /// <summary>A memory module threw; the call ended with EIO.</summary>
    BackendFailed,

    /// <summary>What the kernel would write to its log once (WARN_ONCE): a module's table contradicts itself.</summary>
    KernelWarning,

    /// <summary>
    /// An outage of a page source has begun: it has failed several times in a row, and is asked again later and later
    /// (<c>uffd.source-patience</c>).
    /// </summary>
    SourceFailed,

    /// <summary>A page source has lost a page for good; the page's threads wait for <c>recover</c> or <c>abandon</c>.</summary>
    PageLost,

    /// <summary>The userfaultfd delivers only faults of user mode; nothing else is permitted here.</summary>
    UserModeOnly,

    /// <summary>The watchdog has ended: a freeze of this process is not noticed any more.</summary>
    WatchdogLost,

    /// <summary>A fill was refused in a way that no retry can mend; the page's threads wait for <c>recover</c> or <c>abandon</c>.</summary>
    FillRefused,

    /// <summary>
    /// <see cref="ServeOptions.BeforeWrite"/> threw; what becomes of the page is said by <see cref="ServeOptions.ClearIfHookFails"/>.
    /// </summary>
    HookFailed,

    /// <summary>
    /// A thread faults at an address in no region that is served, again and again; it is left asleep until <c>recover</c>, or until an
    /// event is read that may explain it.
    /// </summary>
    UnknownAddress,

    /// <summary>
    /// The process whose memory a userfaultfd serves has ended, or executes another program: its pushes have failed, nothing is tried any
    /// more, and what is absent is to be given up (<see cref="Userfault.AbandonAsync(CancellationToken)"/>). Reported once for each
    /// userfaultfd.
    /// </summary>
    OwnerGone,

    /// <summary>
    /// A page is being waited for unusually long (no memory, an empty pool of huge pages, an unread event); it is tried on.
    /// </summary>
    FillDelayed,

    /// <summary>
    /// A trouble that began with <see cref="SourceFailed"/>, <see cref="FillDelayed"/> or <see cref="PageQuarantined"/> has outlasted the
    /// patience. The threads that wait have paused, and go on when it is over, or when <c>recover</c> is called
    /// (<c>uffd.source-resume</c>).
    /// </summary>
    PatienceOver,

    /// <summary>
    /// Such a trouble is over: the message says how long it took, and how many pages had waited. Or what was reported as
    /// <see cref="BlockingCall"/> has returned.
    /// </summary>
    OutageEnded,

    /// <summary>
    /// An answer of a page source made no sense and was refused; reported once for each kind of wrongness, and then at every hundredfold.
    /// </summary>
    WrongAnswer,

    /// <summary>
    /// The process has forked: what is absent in the child waits until it is served (<see cref="Userfault.TakeChildren"/>).
    /// </summary>
    ForkedChild,

    /// <summary>An event cannot be read, for there is no descriptor for the child of a fork; it is tried until there is one.</summary>
    EventNotRead,

    /// <summary>
    /// A userfaultfd was given up while pages were absent and the guest may still run: it is left open and the guest's memory mapped, so
    /// that no thread reads zeros. The message says how many pages, how many threads wait, and what to do.
    /// </summary>
    DescriptorLeftOpen,

    /// <summary><see cref="VmOptions.StopGuest"/> has failed, or has not ended in time: the guest is taken to run on.</summary>
    GuestNotStopped,

    /// <summary>
    /// A page source's <c>Request</c>, or <see cref="ServeOptions.BeforeWrite"/>, has not come back for a second: it is called in a turn,
    /// and on the fault loop nothing of the VM goes on meanwhile. When it returns, <see cref="OutageEnded"/> says so.
    /// </summary>
    BlockingCall,
}
