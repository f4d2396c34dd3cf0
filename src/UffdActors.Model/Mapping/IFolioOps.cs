namespace UffdActors.Model.Mapping;

/// <summary>
/// The operations table that was merged around 7.1 (SEMANTICS 7.3): the backend handles folios and its cache, core does the rest. A module
/// may have one (<see cref="MemoryModule.FolioOps"/>); otherwise it is derived from its <see cref="IVmUffdOps"/>.
/// </summary>
/// <remarks>
/// Threads as for <see cref="IVmUffdOps"/>; <see cref="Add"/> runs in a turn of the VMA's owner. The kernel's fifth member,
/// <c>filemap_remove</c>, undoes an add when mapping the folio fails; here cache slot and entry are written in one turn (RING R5), so
/// there is nothing to undo.
/// </remarks>
public interface IFolioOps
{
    /// <summary>
    /// <c>can_userfault</c>: the answer for one mapping, after core's own rules. None asks whether it could ever be registered.
    /// </summary>
    bool CanUserfault(Vma vma, RegisterModes modes);

    /// <summary>True if <see cref="TryAllocateFolio"/> is there; without it COPY and ZEROPAGE on shared mappings are refused.</summary>
    bool HasAllocateFolio { get; }

    /// <summary><c>get_folio_noalloc</c>: the cached folio of a page.</summary>
    /// <returns>False for any failure; user space sees EFAULT.</returns>
    bool TryGetFolio(MemoryFile file, long index, out uint folio);

    /// <summary><c>alloc_folio</c>: a new folio of zeros.</summary>
    /// <returns>False if there is none, or none may be there (beyond the end of the file); user space sees ENOMEM.</returns>
    bool TryAllocateFolio(Vma vma, long page, out uint folio);

    /// <summary><c>filemap_add</c>: puts a folio into the cache.</summary>
    /// <returns>Success, or the errno for user space (EEXIST).</returns>
    Errno Add(uint folio, Vma vma, long page);
}
