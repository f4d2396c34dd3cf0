using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Paging;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations;

/// <summary>
/// One access to memory, from the first look at the entry to the touch, with all the faults between. It is also the entry in the
/// context's queues while its thread sleeps. Reusable: a thread has one access at a time.
/// </summary>
/// <remarks>
/// Stages: <c>Look</c> (thread) decides; then touch at once, or <c>Queue</c> (context), or <c>Populate</c> (VMA's owner), each of which
/// leads back to <c>Look</c>: like hardware, an access always starts again from the top.
/// </remarks>
internal class Access : QueuedFault
{
    private Stage _stage;
    private Verdict _verdict;
    private Entry _entry;
    private Vma? _vma;

    /// <summary>Makes an access for a thread; <see cref="Begin"/> sets the address.</summary>
    public Access(Caller caller)
        : base(caller)
    {
    }

    private enum Stage
    {
        Look,
        Act,
        Queue,
        Populate,
        End,
    }

    /// <summary>Address.</summary>
    public ulong Address { get; private set; }

    /// <summary>Kind.</summary>
    public AccessKind Kind { get; private set; }

    /// <summary>Bytes touched: 1, or 8 at an aligned address.</summary>
    public int Width { get; private set; }

    /// <summary>The value to write, or the value that was read.</summary>
    public ulong Value { get; private set; }

    /// <summary>How it ended.</summary>
    public AccessOutcome Outcome { get; private set; }

    /// <summary>si_code of the signal: SIGBUS 2 or 4, SIGSEGV 1 or 2.</summary>
    public int SignalCode { get; private set; }

    /// <summary>The context at which it sleeps, or slept last.</summary>
    public UserfaultContext? Context { get; private set; }

    /// <summary>True while the kernel repeats the fault without end and without a message (SEMANTICS 4.6.2).</summary>
    public bool IsSpinning { get; private set; }

    private long Page => PageSize.PageOf(Address);

    /// <summary>Sets the address and kind of the access. To be followed by <see cref="Step"/> in a turn of the caller.</summary>
    /// <param name="address">Address; a multiple of <paramref name="width"/>.</param>
    /// <param name="kind">Kind.</param>
    /// <param name="value">Value to write.</param>
    /// <param name="width">1 or 8 bytes.</param>
    public void Begin(ulong address, AccessKind kind, ulong value = 0, int width = 1)
    {
        Restart();
        Address = address;
        Kind = kind;
        Value = value;
        Width = width;
        Outcome = AccessOutcome.None;
        SignalCode = 0;
        _stage = Stage.Look;
    }

    /// <inheritdoc />
    public override void Step()
    {
        switch (_stage)
        {
            case Stage.Look:
                Look();
                break;
            case Stage.Act:
                Act(_verdict, _vma, _entry);
                break;
            case Stage.Queue:
                Queue();
                break;
            case Stage.Populate:
                PopulatePage();
                break;
            default:
                Complete();
                break;
        }
    }

    /// <summary>Called in a turn of the thread just before a fault is sent to its context.</summary>
    protected virtual void OnFault()
    {
    }

    private void Look()
    {
        IsSpinning = false;
        Caller.Guard.Hold(Page);
        Verdict verdict = Mmu.Decide(Caller.Mm, Page, Kind, out Vma? vma, out Entry entry, out FaultFlags flags);
        Flags = flags;
        if (Caller.Port.SplitsTurns)
        {
            (_verdict, _vma, _entry) = (verdict, vma, entry);
            _stage = Stage.Act;
            GoTo(Caller);
            return;
        }

        Act(verdict, vma, entry);
    }

    private void Act(Verdict verdict, Vma? vma, Entry entry)
    {
        if (verdict == Verdict.Hit) Touch(vma!, entry);
        // Anonymous memory gets its page table before the check whether the page is missing.
        else if (verdict is Verdict.Deliver or Verdict.Bus && entry.Kind == EntryKind.None && vma!.IsAnonymous)
            Caller.Mm.PageTables.Make(Page);
        Caller.Guard.Release();
        switch (verdict)
        {
            case Verdict.Hit:
                End(AccessOutcome.Ok);
                break;
            case Verdict.Deliver:
                PrepareAnon(vma!, entry);
                var context = (UserfaultContext)vma!.Context!;
                // Nearly always the same reference: comparing it first avoids the GC write barrier.
                if (!ReferenceEquals(Context, context)) Context = context;
                MessageAddress = context.MessageAddress(Address, vma.PageBytes);
                OnFault();
                _stage = Stage.Queue;
                GoTo(context);
                break;
            case Verdict.Populate:
                _stage = Stage.Populate;
                GoTo(vma!.Owner);
                break;
            case Verdict.Bus:
                PrepareAnon(vma!, entry);
                Signal(AccessOutcome.SigBus, entry.Kind == EntryKind.Poison && Caller.Mm.Machine.Profile.MemoryFailure ? 4 : 2);
                break;
            case Verdict.Spin:
                IsSpinning = true;
                _stage = Stage.Look;
                Caller.Mm.Spin(this);
                break;
            default:
                Signal(AccessOutcome.SigSegv, verdict == Verdict.NotMapped ? 1 : 2);
                break;
        }
    }

    // A write to an empty page of a private mapping makes the anon_vma before the check whether the page is missing, whatever the result;
    // so does a read that would get a page of its own. For huge pages the check comes first.
    private void PrepareAnon(Vma vma, Entry entry)
    {
        bool isForPage = (Kind & AccessKind.Write) != 0 || (vma.IsAnonymous && !Caller.Mm.Machine.Profile.ReadsMapZeroPage);
        if (isForPage && entry.Kind is (EntryKind.None or EntryKind.WpMarker) && !vma.IsHuge)
            vma.PrepareAnon(Caller.Mm.Map);
    }

    private void Touch(Vma vma, Entry entry)
    {
        FolioStore store = vma.Store;
        int offset = (int)(Address & (ulong)(vma.PageBytes - 1));
        uint folio = entry.Kind == EntryKind.Zero ? FolioStore.None : entry.Folio;
        if ((Kind & AccessKind.Write) == 0) Value = Width == 1 ? store.ReadByte(folio, offset) : store.ReadLane(folio, offset);
        else if (Width == 1) store.WriteByte(folio, offset, (byte)Value);
        else store.WriteLane(folio, offset, Value);
    }

    private void Queue()
    {
        UserfaultContext context = Context!;
        // Whatever wakes it, the access starts again from the top.
        _stage = Stage.Look;
        if (MustWait(context)) context.Enqueue(this);
        else WakeUp();
    }

    private void PopulatePage()
    {
        var owner = (VmaOwner)At;
        if (owner.IsHeld)
        {
            owner.Stash(this);
            return;
        }

        owner.Settle();
        Errno error = owner.VmaAt(Page) is null ? Errno.None : Populate.Run(owner, Page, Kind);
        _stage = Stage.Look;
        if (error == Errno.ENOMEM) End(AccessOutcome.OutOfMemory);
        else if (error != Errno.None) Signal(AccessOutcome.SigBus, 2);
        else GoTo(Caller);
    }

    private void Signal(AccessOutcome outcome, int code)
    {
        SignalCode = code;
        End((Kind & AccessKind.Kernel) != 0 ? AccessOutcome.Fault : outcome);
    }

    private void End(AccessOutcome outcome)
    {
        Outcome = outcome;
        _stage = Stage.End;
        if (ReferenceEquals(At, Caller)) Complete();
        else GoTo(Caller);
    }

    // RING R1: a page installed, and its wake-up, before this fault was queued would be missed otherwise.
    [MutationPoint("RING R1")]
    internal virtual bool MustWait(UserfaultContext context)
    {
        if (context.IsReleased) return false;
        AddressSpace mm = Caller.Mm;
        Verdict verdict = Mmu.Decide(mm, Page, Kind, out Vma? vma, out Entry entry, out FaultFlags flags);
        if (mm.Machine.Profile.StrictWakes) return verdict == Verdict.Deliver && vma!.Context == context && flags == Flags;

        // The kernel looks at the entry alone: empty, a marker of any kind, or still read-only for a write-protection fault. A page in swap
        // is checked only after it was swapped in.
        if (vma is null) entry = mm.EntryAt(Page);
        return !entry.HoldsPage
            || (entry.IsPresent && (Flags & FaultFlags.Wp) != 0 && (entry.StopsWrites || vma is null || Mmu.NeedsCopy(vma, entry)));
    }
}
