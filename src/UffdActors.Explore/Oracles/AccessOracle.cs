using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Turns;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// How accesses and calls of threads end: a signal only where the scenario may cause one, an out field that agrees with the errno, a page
/// that is there is found by the embedder's reader, and the child of a fork reads what the page held.
/// </summary>
internal sealed class AccessOracle(RunRecord record) : Oracle(record)
{
    /// <inheritdoc />
    public override void Finished(int thread, ThreadAction action, Operation operation, int start, int end)
    {
        switch (operation)
        {
            case Access access:
                OnAccess(thread, action, access, end);
                break;
            case Fill fill:
                OnFill(fill, end);
                break;
            case Peek peek:
                OnPeek(Host.Content.IndexOf(action.Region, action.Page), peek, end);
                break;
        }
    }

    private void OnAccess(int thread, ThreadAction action, Access access, int end)
    {
        int index = Host.Content.IndexOf(action.Region, action.Page);
        switch (access.Outcome)
        {
            case AccessOutcome.Ok when action.Kind == ActionKind.ReadChild:
                OnChildRead(index, access.Value, end);
                break;
            case AccessOutcome.Ok:
            case AccessOutcome.SigBus when Scenario.Has(ActionKind.Poison) || Scenario.Setup.Any(a => a.Kind == ActionKind.Poison):
            case AccessOutcome.OutOfMemory when MemoryMayRunOut:
            case AccessOutcome.SigSegv
                when Scenario.Has(ActionKind.Munmap) || Scenario.Has(ActionKind.Mremap) || Scenario.Has(ActionKind.MremapKeep)
                    || Scenario.Regions[action.Region].Memory == MemoryKind.Nothing:
                break;
            default:
                Fail("signals",
                    $"{Scenario.Threads[thread].Name} got {access.Outcome} at {Scene.NameOf(index)}, and nothing in the scenario may cause "
                        + $"it", end);
                break;
        }
    }

    // A page may be in the page cache, in a private mapping and, once more each, in a child.
    private bool MemoryMayRunOut => Scenario.MemoryPages < 4 * Scenario.Regions.Sum(r => r.Pages);

    private void OnFill(Fill fill, int end)
    {
        long length = (long)fill.Length;
        bool isConsistent = fill.Error switch
        {
            Errno.None => fill.Out == length,
            Errno.EAGAIN => fill.Out is { } some
                && (some == -(long)Errno.EAGAIN || (some > 0 && some < length && some % Scene.Layout.PageBytes == 0)),
            _ => fill.Out is null || fill.Out == -(long)fill.Error,
        };
        if (!isConsistent)
            Fail("out-field", $"{fill.Kind} of {length} bytes ended with {fill.Error} and the out field {fill.Out}", end);
    }

    // The reader starts and ends in one turn, so the page has not changed since.
    private void OnPeek(int index, Peek peek, int end)
    {
        Entry entry = Scene.EntryOf(index);
        if (peek.IsFound || Scene.VmaOf(index) is not { } vma || entry.Kind == EntryKind.Poison) return;
        bool isCached = vma.File is { } file && file.SlotAt(vma.FileIndexOf(Scene.PageOf(index))).IsPresent;
        if (!entry.HoldsPage && !isCached) return;
        string where = entry.IsSwapped ? "is in swap" : "is there";
        Fail("there-is-there", $"the embedder's reader takes {Scene.NameOf(index)} for absent, which {where}", end);
    }

    // The page was there at the fork, or comes from the source as in the parent; an absent page does not read as zeros.
    private void OnChildRead(int index, ulong value, int step)
    {
        (int region, int page) = Scene.Places[index];
        ulong first = Origins.FirstContentOf(index);
        if (Origins.IsUnsure(index) || value == first || value == Record.First[index]) return;
        // Without EVENT_FORK the child's memory is not registered, and ordinary faults fill its pages.
        if (value == 0 && Origins.ServedBy(index) is { } served && (served.Features & UffdFeatures.EventFork) == 0) return;
        for (int thread = 0; thread < Scenario.Threads.Length; thread++)
        {
            for (int i = 0; i < Scenario.Threads[thread].Actions.Length; i++)
            {
                ThreadAction action = Scenario.Threads[thread].Actions[i];
                if (!action.Covers(region, page)) continue;
                if (action.Kind == ActionKind.Write && value == PageContent.OfWrite(thread, i)) return;
                if (ThreadAction.BringsContent(action.Kind) && value == Host.Content.OfFill(action, page - action.Page)) return;
                if (value == 0
                    && action.Kind
                        is ActionKind.Zeropage or ActionKind.DontNeed or ActionKind.Remove or ActionKind.Punch or ActionKind.Unregister
                            or ActionKind.Close) return;
            }
        }

        Fail("child",
            $"the child of a fork reads {PageContent.Describe(value)} in {Scene.NameOf(index)}, which should hold "
                + $"{PageContent.Describe(first)} or what was written to it", step);
    }
}
