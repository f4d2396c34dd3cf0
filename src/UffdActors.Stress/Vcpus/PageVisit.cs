using UffdActors.Stress.Guest;

namespace UffdActors.Stress.Vcpus;

/// <summary>
/// A vCPU's visit to a page, touch by touch: the next touch, and the check of its result. The same in every world; it is carried out by a
/// thread on the kernel, by an actor in the model.
/// </summary>
internal sealed class PageVisit(Ledger ledger, int vcpu, bool hasMutex)
{
    private enum Step
    {
        Peek,
        TryLock,
        OwnerWas,
        OwnerIs,
        Head,
        Middle,
        Tail,
        Lane,
        Pattern,
        NewHead,
        NewLane,
        NewMiddle,
        NewTail,
        OwnerStayed,
        OwnerLeaves,
        Unlock,
    }

    private static readonly Step[] Peek = [Step.Peek];
    private static readonly Step[] Checks = [Step.Head, Step.Middle, Step.Tail, Step.Lane, Step.Pattern];
    private static readonly Step[] Counts = [Step.NewHead, Step.NewLane, Step.NewMiddle, Step.NewTail];

    // Where the page has no mutex, a word in it has the number of the lock's holder, and the ledger is the lock.
    private readonly Step[] _look = hasMutex
        ? [Step.TryLock, .. Checks, Step.Unlock]
        : [Step.OwnerWas, Step.OwnerIs, .. Checks, Step.OwnerStayed, Step.OwnerLeaves];

    private readonly Step[] _increment = hasMutex
        ? [Step.TryLock, .. Checks, .. Counts, Step.Unlock]
        : [Step.OwnerWas, Step.OwnerIs, .. Checks, .. Counts, Step.OwnerStayed, Step.OwnerLeaves];

    private Step[] _steps = Peek;
    private int _at;
    private int _patternOffset;
    private bool _wasGone;
    private ulong _count;
    private ulong _lane;

    /// <summary>The page that is visited.</summary>
    public long Page { get; private set; }

    /// <summary>The step of the visit, for reports. Any thread: a recent value during the visit.</summary>
    public string Doing
    {
        get
        {
            Step[] steps = _steps;
            int at = _at;
            return at < steps.Length ? steps[at].ToString() : "end";
        }
    }

    private int Holder => vcpu + 1;

    /// <summary>Begins a visit.</summary>
    /// <param name="page">Page.</param>
    /// <param name="kind">Kind of visit.</param>
    /// <param name="patternOffset">Which word of the pattern is looked at.</param>
    /// <returns>False if the page's lock has another holder.</returns>
    public bool Begin(long page, VisitKind kind, int patternOffset)
    {
        Page = page;
        _at = 0;
        _patternOffset = patternOffset;
        _wasGone = ledger.IsGone(page);
        _steps = kind switch { VisitKind.Peek => Peek, VisitKind.Look => _look, _ => _increment };
        if (kind == VisitKind.Peek || hasMutex) return true;
        if (!ledger.Claim(page, Holder)) return false;
        Locked();
        return true;
    }

    /// <summary>The next touch.</summary>
    /// <returns>False if the visit is over.</returns>
    public bool TryNext(out MemoryOp op)
    {
        op = default;
        if (_at >= _steps.Length) return false;
        op = _steps[_at] switch
        {
            Step.TryLock => new MemoryOp(MemoryOpKind.TryLock, PageLayout.Lock),
            Step.OwnerWas or Step.OwnerStayed => new MemoryOp(MemoryOpKind.Read, PageLayout.Lock),
            Step.OwnerIs => new MemoryOp(MemoryOpKind.Write, PageLayout.Lock, (ulong)Holder),
            Step.OwnerLeaves => new MemoryOp(MemoryOpKind.Write, PageLayout.Lock),
            Step.Head => new MemoryOp(MemoryOpKind.Read, PageLayout.Head),
            Step.Middle => new MemoryOp(MemoryOpKind.Read, PageLayout.Middle),
            Step.Tail => new MemoryOp(MemoryOpKind.Read, PageLayout.Tail),
            Step.Lane => new MemoryOp(MemoryOpKind.Read, PageLayout.LaneOf(vcpu)),
            Step.Pattern or Step.Peek => new MemoryOp(MemoryOpKind.Read, _patternOffset),
            Step.NewHead => new MemoryOp(MemoryOpKind.Write, PageLayout.Head, _count + 1),
            Step.NewMiddle => new MemoryOp(MemoryOpKind.Write, PageLayout.Middle, _count + 1),
            Step.NewTail => new MemoryOp(MemoryOpKind.Write, PageLayout.Tail, _count + 1),
            Step.NewLane => new MemoryOp(MemoryOpKind.Write, PageLayout.LaneOf(vcpu), _lane + 1),
            _ => new MemoryOp(MemoryOpKind.Unlock, PageLayout.Lock),
        };
        // Before the mutex, so that its next holder finds the ledger free.
        if (op.Kind == MemoryOpKind.Unlock) ledger.Release(Page);
        return true;
    }

    /// <summary>The touch has been made.</summary>
    /// <param name="value">What was read; for the mutex 1 if it was free.</param>
    public void Ended(ulong value)
    {
        switch (_steps[_at++])
        {
            case Step.Peek:
                CheckPeek(value);
                break;
            case Step.TryLock when value == 0:
                _at = _steps.Length;
                break;
            case Step.TryLock:
                ledger.Checked(StressOracle.Exclusion);
                if (ledger.Claim(Page, Holder)) Locked();
                else TwoHolders($"vCPU {ledger.HolderOf(Page) - 1} has it");
                break;
            case Step.OwnerWas:
                ledger.Checked(StressOracle.Exclusion);
                if (value != 0) TwoHolders($"the page says that vCPU {value - 1} has it");
                break;
            case Step.OwnerStayed:
                if (value != (ulong)Holder) TwoHolders($"the page says {value} instead of {Holder}");
                break;
            case Step.OwnerLeaves:
                ledger.Release(Page);
                break;
            case Step.Head:
                ledger.Checked(StressOracle.Counter);
                Check(PageLayout.Head, StressOracle.Counter, _count, value);
                break;
            case Step.Middle:
                Check(PageLayout.Middle, StressOracle.WholePage, _count, value);
                break;
            case Step.Tail:
                ledger.Checked(StressOracle.WholePage);
                Check(PageLayout.Tail, StressOracle.WholePage, _count, value);
                break;
            case Step.Lane:
                ledger.Checked(StressOracle.Lane);
                Check(PageLayout.LaneOf(vcpu), StressOracle.Lane, _lane, value);
                break;
            case Step.Pattern:
                bool isBare = ledger.IsBare(Page);
                ledger.Checked(isBare ? StressOracle.OldBytes : StressOracle.ZeroPage);
                Check(_patternOffset, StressOracle.WholePage, isBare ? 0 : PageLayout.PatternOf(Page, _patternOffset), value);
                break;
            case Step.NewTail:
                ledger.Increment(Page, vcpu);
                break;
        }
    }

    private void Locked()
    {
        _count = ledger.CountOf(Page);
        _lane = ledger.LaneOf(Page, vcpu);
    }

    private void Check(int offset, StressOracle oracle, ulong due, ulong found) =>
        ledger.CheckLocked(Page, vcpu, offset, oracle, due, found);

    private void TwoHolders(string who)
    {
        ledger.Violate(StressOracle.Exclusion, $"vCPU {vcpu} got the lock of page {Page}, and {who}", Page);
        _at = _steps.Length;
    }

    // Without the lock the page may be given back at any moment: zeros are right from the announcement on, the pattern until the call has
    // ended.
    private void CheckPeek(ulong value)
    {
        ledger.Checked(_wasGone ? StressOracle.OldBytes : StressOracle.ZeroPage);
        ulong pattern = PageLayout.PatternOf(Page, _patternOffset);
        if (value == 0 ? ledger.IsBare(Page) : value == pattern && !_wasGone) return;
        StressOracle oracle = value == 0 ? StressOracle.ZeroPage : value == pattern ? StressOracle.OldBytes : StressOracle.WholePage;
        ledger.Violate(
            oracle,
            $"vCPU {vcpu} read 0x{value:x16} without the lock on page {Page}, {PageLayout.NameOf(_patternOffset)}; "
                + $"{(_wasGone ? "the page had been given back" : $"it holds 0x{pattern:x16}")}", Page);
    }
}
