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
                .. zeroed.Take(new PageRange(0, Scene.BasePageOf(pages)), page => RemovalOf(region, page))
                    .SelectMany(r => Enumerable.Range((int)r.Start, (int)r.Count))
                    .Select(p => (long)p)];
            for (int page = 0; page < pages; page++) CheckPage(region, page, gone.Contains(Scene.BasePageOf(page)), step);
        }
    }

    private Removal RemovalOf(int region, long page)
    {
        MemoryKind memory = Scenario.Regions[region].Memory;
        if (!IsShared(memory)) return Removal.Done;
        bool raisesMissing = Scenario.Contexts.Any(
            c => c.Registered.Any(r => r.Region == region && (r.Modes & RegisterModes.Missing) != 0));
        PageLook look = Scene.LookAt(Host.Content.IndexOf(region, (int)(page / Scene.Layout.UnitPages)));
        return ZeroedPages.RemovalOfShared(Scene.Service.Pages[region]!, page, look.Content, raisesMissing);
    }

    private void CheckPage(int region, int page, bool isGone, int step)
    {
        int index = Host.Content.IndexOf(region, page);
        MemoryKind memory = Scenario.Regions[region].Memory;
        // A private mapping of a file loses what it has copied, and shows what the file has instead.
        bool isUnsure = memory == MemoryKind.ShmemPrivate && Scenario.Has(ActionKind.DontNeed);
        if (!_wasProtected[index] || isUnsure) return;
        // Shared memory that has left the mapping open to writers, and its content not, has been written.
        PageLook look = Scene.LookAt(index);
        bool hasLeftOpen = IsShared(memory) && look is { IsMapped: false, IsProtected: false, Content: not SeenContent.None };
        bool isDirty = isGone || hasLeftOpen || look is { IsMapped: true, IsProtected: false };
        bool isChanged = Scenario.Threads.Any(t => t.Actions.Any(a => a.Covers(region, page) && Changes(a.Kind, memory)));
        string wrong = isDirty ? "counts as changed, and no thread has changed it" : "has changed, and is missing from the dirty set";
        if (isDirty != isChanged) Fail("dirty-set", $"{Scene.NameOf(index)} {wrong}", step);
    }

    // MADV_REMOVE of private memory is refused (EINVAL of anonymous one, EACCES of a file's), and takes nothing; MADV_DONTNEED takes the
    // content of private memory alone.
    private static bool Changes(ActionKind action, MemoryKind memory) => action switch
    {
        ActionKind.Write => true,
        ActionKind.DontNeed => !IsShared(memory),
        ActionKind.Remove => IsShared(memory),
        _ => false,
    };

    private static bool IsShared(MemoryKind memory) => memory is not (MemoryKind.Anonymous or MemoryKind.ShmemPrivate);
}
