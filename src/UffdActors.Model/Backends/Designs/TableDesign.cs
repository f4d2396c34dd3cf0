using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Backends.Designs;

/// <summary>
/// Design C, the table as proposed in June 2025: <see cref="IVmUffdOps"/>, with modes and ioctls declared apart from each other
/// (SEMANTICS 7.2).
/// </summary>
internal sealed class TableDesign : OpsDesign
{
    public override string Description => "the seed's table: modes, ioctls, get_folio, copy";

    // Whether the mapping is shared is not checked here but in CONTINUE (SEMANTICS 7.2.1, 7.2.3).
    public override bool Accepts(Vma vma, RegisterModes modes) =>
        vma.File!.Module.Facts is { Ops: not null } facts && (modes & ~facts.Features) == 0;

    public override bool Takes(Vma vma, FillKind kind) =>
        (vma.File!.Module.Facts.Ioctls & BitOf(kind)) != 0 && (kind != FillKind.Continue || vma.IsShared);

    public override Errno Find(Vma vma, long page, out uint folio)
    {
        folio = FolioStore.None;
        ModuleFacts facts = vma.File!.Module.Facts;
        return facts.HasGetFolio ? FindByTable(vma, facts.Ops!, page, out folio) : MissingHook(vma, "GetFolio");
    }

    public override Errno Make(in CopyRequest request, ref uint folio)
    {
        ModuleFacts facts = request.File.Module.Facts;
        return facts.HasCopy ? facts.Ops!.Copy(request, ref folio) : MissingHook(request.Vma, "Copy");
    }

    public override IReadOnlyList<string> MembersOf(MemoryModule module)
    {
        if (module.Facts.Ops is null) return [];
        List<string> members = ["Features", "Ioctls"];
        if (module.Facts.HasGetFolio) members.Add("GetFolio");
        if (module.Facts.HasCopy) members.Add("Copy");
        members.Add("userfault check in the fault handler");
        return members;
    }
}
