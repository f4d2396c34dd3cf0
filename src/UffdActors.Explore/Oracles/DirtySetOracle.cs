using UffdActors.Explore.Scenarios;
using UffdActors.Handling;
using UffdActors.Model.Mapping;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// At the end: the dirty set of a range is what the guest wrote or gave back since it was protected. Checked in scenarios in which no
/// action changes protection, for pages that were protected in the beginning.
/// </summary>
internal sealed class DirtySetOracle(RunRecord record) : Oracle(record)
{
    private readonly bool[] _wasProtected = new bool[record.Entries.Length];

    /// <inheritdoc />
    public override void Begin()
    {
        for (int i = 0; i < _wasProtected.Length; i++) _wasProtected[i] = Record.Entries[i].IsWp;
    }

    /// <inheritdoc />
    public override void AtRest(int step, IReadOnlyList<AddressSpace> children)
    {
        if (!Scenario.OnlyTouchesAndGivesBack) return;
        for (int region = 0; region < Scene.Service.Zeroed.Length; region++)
        {
            if (Scene.Service.Zeroed[region] is not { } zeroed) continue;
            int pages = Scenario.Regions[region].Pages;
            HashSet<long> gone = [
                .. zeroed.Take(new PageRange(0, Scene.BasePageOf(pages)), _ => Removal.Done)
                    .SelectMany(r => Enumerable.Range((int)r.Start, (int)r.Count))
                    .Select(p => (long)p)];
            for (int page = 0; page < pages; page++) CheckPage(region, page, gone.Contains(Scene.BasePageOf(page)), step);
        }
    }

    private void CheckPage(int region, int page, bool isGone, int step)
    {
        int index = Host.Content.IndexOf(region, page);
        bool keepsContent = Scenario.Regions[region].Memory != MemoryKind.Anonymous;
        if (!_wasProtected[index] || (keepsContent && Scenario.Has(ActionKind.DontNeed))) return;
        Entry entry = Record.Entries[index];
        bool isDirty = isGone || (entry.IsPresent && !entry.IsWp);
        // MADV_REMOVE of private memory is refused (EINVAL of anonymous one, EACCES of a file's), and takes nothing.
        bool isPrivate = Scenario.Regions[region].Memory is MemoryKind.Anonymous or MemoryKind.ShmemPrivate;
        bool isChanged = Scenario.Threads.Any(t => t.Actions.Any(
            a => a.Covers(region, page)
                && (a.Kind is ActionKind.Write or ActionKind.DontNeed || (a.Kind == ActionKind.Remove && !isPrivate))));
        string wrong = isDirty ? "counts as changed, and no thread has changed it" : "has changed, and is missing from the dirty set";
        if (isDirty != isChanged) Fail("dirty-set", $"{Scene.NameOf(index)} {wrong}", step);
    }
}
