using UffdActors.Model.Inputs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Backends.Designs;

/// <summary>
/// Design F, the merged table (<see cref="IFolioOps"/>): core allocates, copies, adds to the cache and maps, in this order. Modes and
/// ioctls are not declared; can_userfault decides for each mapping. Of huge pages, which core fills, it goes by the module's own masks
/// (SEMANTICS 7.3.6).
/// </summary>
internal sealed class FolioDesign : OpsDesign
{
    public override string Description => "the merged table: can_userfault, get_folio_noalloc, alloc_folio, filemap_add, filemap_remove";

    public override bool RefusesChangedMapping => true;

    public override bool Accepts(Vma vma, RegisterModes modes) =>
        vma.IsHuge
            ? vma.File!.Module.Facts is { Ops: not null } facts && (modes & ~facts.Features) == 0
            : TryCanUserfault(vma.File!.Module.Facts, vma, modes);

    public override bool Takes(Vma vma, FillKind kind)
    {
        if (!Accepts(vma, RegisterModes.None)) return false;
        if (vma.IsHuge) return (vma.File!.Module.Facts.Ioctls & BitOf(kind)) != 0;
        bool allocates = kind is FillKind.Copy or FillKind.ZeroPage && vma.IsShared;
        return !allocates || vma.File!.Module.Facts.HasAllocateFolio;
    }

    public override Errno Find(Vma vma, long page, out uint folio) =>
        vma.File!.Module.Facts.FolioOps!.TryGetFolio(vma.File, vma.FileIndexOf(page), out folio) ? Errno.None : Errno.EFAULT;

    public override Errno Make(in CopyRequest request, ref uint folio)
    {
        FolioStore store = request.File.Store;
        if (folio != FolioStore.None) return Errno.None;
        if (!request.File.Module.Facts.FolioOps!.TryAllocateFolio(request.Vma, request.Page, out folio)) return Errno.ENOMEM;
        switch (request.Source.Kind)
        {
            case FillSourceKind.Zero:
                return Errno.None;
            case FillSourceKind.User:
                return Errno.ENOENT; // to be copied with the locks dropped
            default:
                store.Free(folio);
                folio = store.AllocateFrom(request.Source);
                return folio == FolioStore.None && store.HasIdentity ? Errno.ENOMEM : Errno.None;
        }
    }

    public override Errno Add(Vma vma, long page, uint folio) => vma.File!.Module.Facts.FolioOps!.Add(folio, vma, page);

    public override IReadOnlyList<string> MembersOf(MemoryModule module)
    {
        if (module.Facts.PageShift != PageSize.BaseShift) return module.Facts.Ops is null ? [] : ["can_userfault"];
        if (module.Facts.FolioOps is null) return [];
        return module.Facts.HasAllocateFolio
            ? ["can_userfault", "get_folio_noalloc", "alloc_folio", "filemap_add", "filemap_remove"]
            : ["can_userfault", "get_folio_noalloc"];
    }

    // Asked within a turn of the address space, which a module must not end.
    private static bool TryCanUserfault(ModuleFacts facts, Vma vma, RegisterModes modes)
    {
        try
        {
            return facts.FolioOps?.CanUserfault(vma, modes) == true;
        }
        catch (Exception e)
        {
            vma.Owner.Mm.Machine.ModuleFailed?.Invoke(
                $"Module \"{facts.Name}\" threw {e.GetType().Name} while telling what can be registered ({ForeignText.Of(e)}); it counts "
                    + "as "
                    + "refused.", e);
            return false;
        }
    }
}
