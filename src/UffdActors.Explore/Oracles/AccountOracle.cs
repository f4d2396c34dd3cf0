using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// Accounting of physical memory: at the end of a run every folio in use is mapped or in the cache of a file, an entry of a file's page
/// maps the folio in the cache, and after the run was torn down no folio is in use.
/// </summary>
internal sealed class AccountOracle(RunRecord record) : Oracle(record)
{
    /// <inheritdoc />
    public override void AtRest(int step, IReadOnlyList<AddressSpace> children)
    {
        HashSet<uint> used = [];
        for (int region = 0; region < Scenario.Regions.Length; region++)
        {
            MemoryFile? file = Scene.Files[region];
            for (int page = 0; file is not null && page < Scenario.Regions[region].Pages; page++)
            {
                if (file.SlotAt(page) is { IsPresent: true } slot) _ = used.Add(slot.Folio);
            }
        }

        foreach (AddressSpace mm in children.Prepend(Scene.Mm)) AddMapped(mm, used, step);
        for (int i = 0; i < Scene.PageCount; i++)
        {
            if (Record.Entries[i].Kind != EntryKind.None && Scene.VmaOf(i) is null)
                Fail("mapped", $"{Scene.NameOf(i)} is present where nothing is mapped", step);
        }

        if (used.Count != Host.Folios.InUse && !Scene.HasReapedCalls)
            Fail("conservation", $"{Host.Folios.InUse} pages of memory are in use, and {used.Count} are to be found", step);
    }

    /// <inheritdoc />
    public override void AfterEnd(int step)
    {
        if (Host.Folios.InUse != 0 && !Scene.HasReapedCalls)
            Fail("conservation", $"{Host.Folios.InUse} pages are still in use after everything was given back", step);
    }

    private void AddMapped(AddressSpace mm, HashSet<uint> used, int step)
    {
        foreach (Vma vma in mm.Map.Vmas)
        {
            for (long page = vma.Range.Start; page < vma.Range.End; page += Scene.Layout.UnitPages)
            {
                Entry entry = mm.EntryAt(page);
                if (entry.Kind == EntryKind.Anon) _ = used.Add(entry.Folio);
                if (entry.Kind == EntryKind.File && vma.File!.SlotAt(vma.FileIndexOf(page)).Folio != entry.Folio)
                    Fail("cache", $"{Scene.NameOf((ulong)page << PageSize.BaseShift)} maps a page that its file does not have", step);
            }

            vma.Owner.Settle();
        }
    }
}
