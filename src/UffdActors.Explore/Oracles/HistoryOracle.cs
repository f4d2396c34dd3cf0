using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Turns;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// Keeps the history of each page's content from the actions of threads, and checks at the end that some order of its events explains
/// every value that was read (<see cref="PageHistory"/>).
/// </summary>
internal sealed class HistoryOracle : Oracle
{
    private readonly PageHistory[] _histories;
    private readonly bool[] _isServed;
    private readonly uint[] _mapped;

    public HistoryOracle(RunRecord record)
        : base(record)
    {
        int pages = record.Scene.PageCount;
        _histories = [.. Enumerable.Range(0, pages).Select(_ => new PageHistory())];
        _isServed = [.. Enumerable.Range(0, pages).Select(i => Origins.ServedBy(Origins.IdentityOf(i)) is not null)];
        _mapped = new uint[record.Scenario.Threads.Length];
    }

    /// <inheritdoc />
    public override void Began(int thread, ThreadAction action) => _mapped[thread] = TakesPages(action, out _, out _) ? Mapped() : 0;

    /// <inheritdoc />
    public override void Finished(int thread, ThreadAction action, Operation operation, int start, int end)
    {
        switch (operation)
        {
            case Access { Outcome: AccessOutcome.Ok } access when action.Kind != ActionKind.ReadChild:
                PageEventKind kind = action.Kind == ActionKind.Read ? PageEventKind.Read : PageEventKind.Write;
                HistoryOf(Host.Content.IndexOf(action.Region, action.Page)).Add(new PageEvent(kind, access.Value, start, end));
                break;
            case Fill fill:
                OnFill(action, fill, start, end);
                break;
            case Peek { IsFound: true } peek:
                OnPeek(Host.Content.IndexOf(action.Region, action.Page), peek, start, end);
                break;
            case ControlOperation call when call is not Peek:
                if (TakesPages(action, out bool always, out bool whole)) OnTaken(action, call, always, whole, start, end, _mapped[thread]);
                if (action.Kind is ActionKind.Mremap or ActionKind.MremapKeep) OnMerged(start, end);
                break;
        }
    }

    /// <summary>The process ends in the middle of a thread's action: the action may have removed its pages already, or filled
    /// them.</summary>
    public override void Left(int thread, ThreadAction action, int start, int end)
    {
        bool fills = ThreadAction.BringsContent(action.Kind);
        bool whole = false;
        if (!fills && !TakesPages(action, out _, out whole)) return;
        for (int i = 0; i < _histories.Length; i++)
        {
            (int region, int page) = Scene.Places[i];
            if (!whole && !action.Covers(region, page)) continue;
            PageHistory history = HistoryOf(i);
            if (fills)
            {
                history.Add(new PageEvent(PageEventKind.MayWrite, Host.Content.OfFill(action, page - action.Page), start, end));
                continue;
            }

            history.Add(new PageEvent(PageEventKind.ResetIfAbsent, 0, start, end));
            _ = ComesAgain(i, action, out ulong again);
            if ((_mapped[thread] & (1u << i)) != 0) history.Add(new PageEvent(PageEventKind.MayReset, again, start, end));
        }
    }

    /// <inheritdoc />
    public override void AtRest(int step, IReadOnlyList<AddressSpace> children)
    {
        for (int i = 0; i < _histories.Length; i++)
        {
            // The content at the end counts as a last read of every page that is there.
            if (Record.Entries[i].HoldsPage && Scene.VmaOf(i) is not null)
                HistoryOf(i).Add(new PageEvent(PageEventKind.Read, Scene.ContentOf(Record.Entries[i], 0), step, step));
        }

        for (int i = 0; i < _histories.Length && Record.Violation is null; i++)
        {
            if (Origins.IsUnsure(i) || Origins.IdentityOf(i) != i || _histories[i].IsExplained(Record.First[i])) continue;
            Fail("history", $"{Scene.NameOf(i)}: no order of the events explains what was read: {Describe(_histories[i])}", step);
        }
    }

    private PageHistory HistoryOf(int index) => _histories[Origins.IdentityOf(index)];

    private void OnFill(ThreadAction action, Fill fill, int start, int end)
    {
        if (fill.Kind is not (FillKind.Copy or FillKind.ZeroPage) || fill.Out is not > 0) return;
        for (int i = 0; i < (int)(fill.Out.Value >> Scene.Layout.PageShift); i++)
        {
            HistoryOf(Host.Content.IndexOf(action.Region, action.Page + i))
                .Add(new PageEvent(PageEventKind.Write, Host.Content.OfFill(action, i), start, end));
        }
    }

    // A file that is populated through its alias holds zeros until handlers have filled it; a read outside the mapping returns them.
    private void OnPeek(int index, Peek peek, int start, int end)
    {
        if (Scene.EntryOf(index).HoldsPage || !Origins.IsAliased(index))
            HistoryOf(index).Add(new PageEvent(PageEventKind.Read, peek.Value, start, end));
    }

    private void OnTaken(ThreadAction action, ControlOperation call, bool always, bool whole, int start, int end, uint before)
    {
        if (call.Error is not (Errno.None or Errno.ENOMEM)) return;
        uint after = Mapped();
        for (int i = 0; i < _histories.Length; i++)
        {
            (int region, int page) = Scene.Places[i];
            if (!whole && !action.Covers(region, page)) continue;
            // The call skips unmapped parts and removes nothing there; PUNCH_HOLE removes the page of the file.
            bool wasMapped = (before & (1u << i)) != 0 || action.Kind == ActionKind.Punch;
            bool isMapped = (after & (1u << i)) != 0 || action.Kind == ActionKind.Punch;
            if (!wasMapped && !isMapped) continue;
            // The page may first be absent, then filled with zeros, and then removed again.
            HistoryOf(i).Add(new PageEvent(PageEventKind.ResetIfAbsent, 0, start, end));
            bool comesAgain = ComesAgain(i, action, out ulong again);
            // If the map changed while the call waited for the reader of its event, it may have ended before it removed anything.
            // MADV_DONTNEED leaves a page of a file that has been moved here in its file.
            bool isTaken = always && (action.Kind != ActionKind.DontNeed || !IsOfFile(Scene.Places[Origins.IdentityOf(i)].Region));
            bool isSure = isTaken && wasMapped && isMapped && call.Error == Errno.None;
            if (isSure)
                HistoryOf(i).Add(new PageEvent(comesAgain ? PageEventKind.MayComeAgain : PageEventKind.Reset, again, start, end));
            // A hole in the file leaves private pages as they are, and removes the zero page.
            else if (isTaken || action.Kind == ActionKind.Punch)
                HistoryOf(i).Add(new PageEvent(PageEventKind.MayReset, again, start, end));
        }
    }

    // Without EVENT_REMAP a range that merges with its neighbour at the new place loses its registration (checked on Linux 6.18.44), and
    // ordinary faults fill it.
    private void OnMerged(int start, int end)
    {
        for (int i = 0; i < _histories.Length; i++)
        {
            if (_isServed[i] && Scene.VmaOf(i) is { Context: null })
                HistoryOf(i).Add(new PageEvent(PageEventKind.ResetIfAbsent, 0, start, end));
        }
    }

    // Without an event of the removal, handlers fill the source's content once more, as any monitor would.
    private bool ComesAgain(int index, ThreadAction action, out ulong content)
    {
        int home = Origins.IdentityOf(index);
        bool comesAgain = _isServed[index]
            && (action.Kind == ActionKind.Punch || (Origins.ServedBy(home)!.Features & UffdFeatures.EventRemove) == 0);
        content = comesAgain ? Host.Content.OfSource(Scene.Places[home].Region, Scene.Places[home].Page) : 0;
        return comesAgain;
    }

    private bool IsOfFile(int region) => Scenario.Regions[region].Memory is MemoryKind.Shmem or MemoryKind.GuestMemfd or MemoryKind.Hugetlb;

    /// <summary>True if an action may remove content.</summary>
    /// <param name="action">The action.</param>
    /// <param name="always">It removes every page of its range, if it succeeds.</param>
    /// <param name="whole">It may remove pages of all regions.</param>
    private bool TakesPages(ThreadAction action, out bool always, out bool whole)
    {
        bool ofFile = IsOfFile(action.Region);
        always = (action.Kind == ActionKind.Punch && ofFile) || action.Kind == ActionKind.Remove
            || (action.Kind == ActionKind.DontNeed && !ofFile);
        whole = action.Kind == ActionKind.Close;
        // In a range that keeps its registration, at its old and its new place, ordinary faults fill nothing.
        bool losesRegistration = action.Kind == ActionKind.Mremap
            || (action.Kind == ActionKind.MremapKeep && !Scenario.Contexts.Any(c => (c.Features & UffdFeatures.EventRemap) != 0));
        return losesRegistration
            || action.Kind is ActionKind.DontNeed or ActionKind.Remove or ActionKind.Punch or ActionKind.Unregister or ActionKind.Close;
    }

    private uint Mapped()
    {
        uint mapped = 0;
        for (int i = 0; i < _histories.Length; i++)
        {
            if (Scene.VmaOf(i) is not null) mapped |= 1u << i;
        }

        return mapped;
    }

    private static string Describe(PageHistory history) => string.Join("; ", history.Events.Select(e =>
        $"steps {e.Start} to {e.End} "
            + $"{e.Kind}{(e.Kind is PageEventKind.Read or PageEventKind.Write ? " " + PageContent.Describe(e.Value) : "")}"));
}
