using System.Globalization;
using UffdActors.Abi;
using UffdActors.Conformance.Programs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Paging;
using UffdActors.Model.Userfault;

namespace UffdActors.Conformance.Replay;

/// <summary>
/// The invariants of SEMANTICS 9.3, checked on a model after each step, independent of the recording. One object for one model; without it
/// none is checked.
/// </summary>
/// <remarks>
/// <list type="bullet">
/// <item>1 and 3: a fill's count is a multiple of the page size and at most the length; the pages it counts were empty before and are not
/// after; a page that is present or in swap is never filled again.</item>
/// <item>2: an access that sleeps for a page that is there and writable, or that ended well on an empty one, is wrong.</item>
/// <item>4: a fill that failed has not changed the states of its range.</item>
/// <item>5: fdinfo's total is the number of threads that sleep there, each once, and pending is not more.</item>
/// <item>6: after a wake-up no thread sleeps in its range whose access could proceed.</item>
/// <item>7: no thread sleeps at a context without references (one that spins without end, SEMANTICS 4.6.2, does not sleep).</item>
/// <item>8: flags of messages: WRITE if the access writes; never WP with MINOR; WP only with WRITE.</item>
/// <item>9: after UNREGISTER no page of the range that was registered for WP has its bit or marker.</item>
/// <item>10: an unread event means that the context is changing; changing means that a producer waits; no fill succeeds meanwhile.</item>
/// <item>11: a VMA has modes exactly if it has a context.</item>
/// <item>12: a handshake that fails with EINVAL or EPERM zeroes its structure. (Reserved bytes of messages are zero by their making:
/// a test of the message's layout holds that.)</item>
/// <item>13: an ioctl of one context wakes no thread at another.</item>
/// </list>
/// One part of 1, that a page becomes visible only when complete, cannot be observed between steps: a page here is one entry. The
/// comparison of final content checks it, and exploration checks between turns.
/// </remarks>
internal sealed class KernelInvariants
{
    private readonly Dictionary<long, int> _before = [];
    private readonly HashSet<long> _swappedBefore = [];
    private readonly Dictionary<UserfaultContext, List<Access>> _asleepBefore = [];
    private readonly HashSet<UserfaultContext> _changingBefore = [];
    private readonly List<PageRange> _protectedBefore = [];
    private Observation? _last;

    /// <summary>Checks the model after a step; what is wrong is reported as a mismatch of the field <c>invariant N</c>.</summary>
    public void Check(ProgramStep step, ModelExecutor model, Differ differ)
    {
        ArgumentNullException.ThrowIfNull(step);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(differ);
        // The end is no step of a program: it only reads the state.
        if (step.Op == ProgramOp.Final) return;
        _last = model.Last;
        CheckFill(step, model, differ);
        CheckAccess(step, model, differ);
        CheckSleepers(step, model, differ);
        CheckWake(step, model, differ);
        CheckUnregister(step, model, differ);
        CheckChanging(step, model, differ);
        CheckMaps(step, model, differ);
        CheckHandshake(step, differ);
        CheckOthers(step, model, differ);
        Remember(model);
    }

    private void CheckFill(ProgramStep step, ModelExecutor model, Differ differ)
    {
        if (step.Op is not (ProgramOp.Copy or ProgramOp.Zeropage or ProgramOp.Continue or ProgramOp.Poison)) return;
        if (!long.TryParse(_last!.Out, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long count)) return;
        PageRange range = PageRange.OfBytes(step.Address, step.Length);
        UserfaultContext context = model.ContextOf(step.Handle)!;
        // The states of a child's pages are not recorded.
        if (context.Mm != model.MainSpace) return;
        if (count > 0)
        {
            if ((ulong)count > step.Length || count % PageSize.Base != 0)
                Fail(step, differ, 3, "whole pages, at most the length", $"{count} of {step.Length}");
            if (_changingBefore.Contains(context)) Fail(step, differ, 10, "no fill while an event is unread", $"{count} bytes filled");
            foreach ((
                long page, int now) in ModelExecutor.PageStatesIn(
                    context.Mm, range with { End = range.Start + (count >> PageSize.BaseShift) }))
            {
                if (_before.TryGetValue(page, out int then) && (then & 8) != 0)
                    Fail(step, differ, 1, "an empty page to fill", $"page {page:x} was present");
                // In pagemap a swap entry looks like a marker, which a fill may replace.
                if (_swappedBefore.Contains(page)) Fail(step, differ, 1, "an empty page to fill", $"page {page:x} was in swap");
                // Poison of a huge page is not visible in pagemap; and a woken thread may have written, moved or emptied the page since.
                if (now == 0 && step.Op != ProgramOp.Poison && _last.Finished is null)
                    Fail(step, differ, 3, "a page that is there", $"page {page:x} is empty");
            }
        }
        else if (_last.Finished is null && !ReadsArena(step, model))
        {
            CheckUntouched(step, model, differ, context, range);
        }
    }

    private void CheckUntouched(ProgramStep step, ModelExecutor model, Differ differ, UserfaultContext context, PageRange range)
    {
        if (range.Count > 1 << 16 || range.Start < 0) return;
        foreach ((long page, int now) in ModelExecutor.PageStatesIn(context.Mm, range))
        {
            if (_before.TryGetValue(page, out int then) && then != now)
                Fail(step, differ, 4, $"page {page:x} as it was, {then:x}", $"{now:x}");
        }
    }

    private void CheckAccess(ProgramStep step, ModelExecutor model, Differ differ)
    {
        if (step.Op != ProgramOp.Access || step.Thread is not { } thread || _last!.Result is not { } result) return;
        if (!result.StartsWith("ok:", StringComparison.Ordinal)) return;
        int state = model.PageStateAt(thread, step.Address);
        if ((state & 8) == 0) Fail(step, differ, 2, "a page that is present", $"state {state:x}");
    }

    private static void CheckSleepers(ProgramStep step, ModelExecutor model, Differ differ)
    {
        HashSet<Access> seen = [];
        foreach (UserfaultContext context in model.Contexts)
        {
            int count = 0;
            foreach (Access access in context.Waiters())
            {
                count++;
                bool writes = (access.Kind & AccessKind.Write) != 0;
                FaultFlags flags = access.Flags;
                if (!seen.Add(access)) Fail(step, differ, 5, "a thread asleep once", $"thread {access.Caller.ThreadId} twice");
                if (access.IsFinished) Fail(step, differ, 5, "a thread that sleeps", $"thread {access.Caller.ThreadId} has finished");
                if (writes != ((flags & FaultFlags.Write) != 0)
                    || (flags & (FaultFlags.Wp | FaultFlags.Minor)) == (FaultFlags.Wp | FaultFlags.Minor)
                    || (flags & (FaultFlags.Wp | FaultFlags.Write)) == FaultFlags.Wp)
                {
                    Fail(step, differ, 8, writes ? "WRITE, WRITE+WP or WRITE+MINOR" : "0 or MINOR", flags.ToString());
                }
            }

            if (count != context.Total || context.Pending > count)
                Fail(step, differ, 5, $"total {count}", $"total {context.Total}, pending {context.Pending}");
            // A call that sleeps refers to its context itself, so that one is not released (SEMANTICS 5.3.7).
            if (count > 0 && context.References == 0) Fail(step, differ, 7, "no thread asleep at a closed context", $"{count} threads");
        }
    }

    private void CheckWake(ProgramStep step, ModelExecutor model, Differ differ)
    {
        if (step.Op != ProgramOp.Wake || _last!.Error is not null) return;
        UserfaultContext context = model.ContextOf(step.Handle)!;
        foreach (Access access in context.Waiters())
        {
            if (access.MessageAddress - step.Address >= step.Length) continue;
            Verdict verdict = Mmu.Decide(access.Caller.Mm, PageSize.PageOf(access.Address), access.Kind, out Vma? vma, out _, out _);
            // A COPY without a wake-up that slept on its source was woken too, and has filled the page after this thread's check.
            if (_last.Finished is not null && vma is not null && access.Caller.Mm == model.MainSpace
                && model.PageStateAt(access.Address) != _before.GetValueOrDefault(vma.HeadOf(PageSize.PageOf(access.Address)))) continue;
            if (verdict != Verdict.Deliver || vma!.Context != context)
                Fail(step, differ, 6, $"thread {access.Caller.ThreadId} goes on", $"it sleeps although its access is {verdict}");
        }
    }

    private void CheckUnregister(ProgramStep step, ModelExecutor model, Differ differ)
    {
        if (step.Op != ProgramOp.Unregister || _last!.Error is not null) return;
        UserfaultContext context = model.ContextOf(step.Handle)!;
        if (context.Mm != model.MainSpace) return;
        PageRange range = PageRange.OfBytes(step.Address, step.Length);
        foreach (PageRange part in _protectedBefore.Select(p => p.Intersect(range)).Where(p => !p.IsEmpty))
        {
            foreach ((long page, int now) in ModelExecutor.PageStatesIn(context.Mm, part))
            {
                if ((now & 1) != 0) Fail(step, differ, 9, "no write protection", $"page {page:x} is {now:x}");
            }
        }
    }

    private static void CheckChanging(ProgramStep step, ModelExecutor model, Differ differ)
    {
        foreach (UserfaultContext context in model.Contexts)
        {
            if (context.UnreadEvents > 0 && !context.IsChanging)
                Fail(step, differ, 10, "changing while an event is unread", "not changing");
            if (context.IsChanging && !model.AnyEventProducer) Fail(step, differ, 10, "not changing without a producer", "changing");
        }
    }

    private static void CheckMaps(ProgramStep step, ModelExecutor model, Differ differ)
    {
        foreach (AddressSpace mm in model.Spaces)
        {
            long end = 0;
            foreach (Vma vma in mm.Map.Vmas)
            {
                if ((vma.Context is null) != (vma.Modes == RegisterModes.None))
                    Fail(step, differ, 11, "modes exactly with a context",
                        $"{vma.Range}: {vma.Modes}, {vma.Context?.ToString() ?? "no context"}");
                if (vma.Range.Start < end || vma.Range.IsEmpty) Fail(step, differ, 11, "VMAs one behind the other", vma.Range.ToString());
                end = vma.Range.End;
            }
        }
    }

    private void CheckHandshake(ProgramStep step, Differ differ)
    {
        if (step.Op == ProgramOp.Api && _last!.Error is nameof(Errno.EINVAL) or nameof(Errno.EPERM) && _last.Out is { } words
            && words != "0x0 0x0 0x0")
            Fail(step, differ, 12, "a structure of zeros", words);
    }

    private void CheckOthers(ProgramStep step, ModelExecutor model, Differ differ)
    {
        bool isIoctl = step.Op is ProgramOp.Copy or ProgramOp.Zeropage or ProgramOp.Continue or ProgramOp.Poison or ProgramOp.Move
            or ProgramOp.Wake or ProgramOp.Writeprotect or ProgramOp.Register or ProgramOp.Unregister;
        // The call that finished may be one of another context that had slept; and a call that sleeps has faulted itself.
        if (!isIoctl || _last!.Finished is not null || _last.Result == "blocked") return;
        UserfaultContext own = model.ContextOf(step.Handle)!;
        foreach ((UserfaultContext context, List<Access> asleep) in _asleepBefore)
        {
            if (context == own) continue;
            HashSet<Access> now = [.. context.Waiters().Cast<Access>()];
            foreach (Access access in asleep.Where(a => !now.Contains(a)))
                Fail(step, differ, 13, $"thread {access.Caller.ThreadId} asleep at {context}", $"woken by a call on {own}");
        }
    }

    private void Remember(ModelExecutor model)
    {
        _before.Clear();
        _swappedBefore.Clear();
        _protectedBefore.Clear();
        foreach (Vma vma in model.MainSpace.Map.Vmas)
        {
            if (vma.HasWp) _protectedBefore.Add(vma.Range);
            foreach ((long page, int state) in ModelExecutor.PageStatesIn(model.MainSpace, vma.Range))
            {
                _before[page] = state;
                if (model.MainSpace.EntryAt(page).IsSwapped) _ = _swappedBefore.Add(page);
            }
        }

        _asleepBefore.Clear();
        _changingBefore.Clear();
        foreach (UserfaultContext context in model.Contexts)
        {
            _asleepBefore[context] = [.. context.Waiters().Cast<Access>()];
            if (context.IsChanging) _ = _changingBefore.Add(context);
        }
    }

    // Reading the source of a COPY may populate it.
    private static bool ReadsArena(ProgramStep step, ModelExecutor model) =>
        step.Op == ProgramOp.Copy && step.Other + step.Length > model.Header.ArenaStart && step.Other < model.Header.ArenaEnd;

    private static void Fail(ProgramStep step, Differ differ, int number, string expected, string actual) =>
        differ.Report(step.Index, string.Create(CultureInfo.InvariantCulture, $"invariant {number}"), expected, actual);
}
