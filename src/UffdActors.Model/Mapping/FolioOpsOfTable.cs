using UffdActors.Abi;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Mapping;

/// <summary>The merged table for a module that only has the seed's: an unchanged backend.</summary>
internal sealed class FolioOpsOfTable(IVmUffdOps table, ModuleFacts facts) : IFolioOps
{
    public bool HasAllocateFolio => facts.HasCopy;

    // Core decides faults by the lookup: without it nothing can be registered.
    public bool CanUserfault(Vma vma, RegisterModes modes) => facts.HasGetFolio && (modes & ~facts.Features) == 0;

    public bool TryGetFolio(MemoryFile file, long index, out uint folio) => table.GetFolio(file, index, out folio) == Errno.None;

    public bool TryAllocateFolio(Vma vma, long page, out uint folio)
    {
        folio = FolioStore.None;
        if (table.Copy(new CopyRequest(vma, page, FillSource.Zero, FillModes.None), ref folio) == Errno.None) return true;
        vma.File!.Store.Free(folio);
        folio = FolioStore.None;
        return false;
    }

    public Errno Add(uint folio, Vma vma, long page) =>
        vma.File!.TryAdd(vma.FileIndexOf(page), CacheSlot.Page(folio)) ? Errno.None : Errno.EEXIST;
}
