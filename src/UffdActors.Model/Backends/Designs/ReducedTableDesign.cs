using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Backends.Designs;

/// <summary>
/// Design D, the table as reduced in October 2025: ioctls and a lookup for MINOR, modes derived. There is no copy hook, so only shmem and
/// hugetlb, which core names, can be registered for MISSING.
/// </summary>
internal sealed class ReducedTableDesign : OpsDesign
{
    public override string Description => "the reduced table: ioctls, minor_get_folio; modes are derived";

    public override bool Accepts(Vma vma, RegisterModes modes) =>
        vma.File!.Module.Facts.Ops is not null && (modes & ~ModesOf(IoctlsOf(vma.File.Module))) == 0;

    public override bool Takes(Vma vma, FillKind kind) =>
        (IoctlsOf(vma.File!.Module) & BitOf(kind)) != 0 && (kind != FillKind.Continue || vma.IsShared);

    public override Errno Find(Vma vma, long page, out uint folio)
    {
        folio = FolioStore.None;
        ModuleFacts facts = vma.File!.Module.Facts;
        return facts.HasGetFolio ? FindByTable(vma, facts.Ops!, page, out folio) : MissingHook(vma, "minor_get_folio");
    }

    // Core's own code for shmem; nothing else gets here.
    public override Errno Make(in CopyRequest request, ref uint folio) => request.File.Module.Facts.Ops!.Copy(request, ref folio);

    public override IReadOnlyList<string> MembersOf(MemoryModule module)
    {
        if (module.Facts.Ops is null) return [];
        List<string> members = ["supported_ioctls"];
        if (module.Facts.HasGetFolio) members.Add("minor_get_folio");
        if (IsFilledByCore(module)) members.Add("copy code in core under the module's name");
        members.Add("userfault check in the fault handler");
        return members;
    }

    private static bool IsFilledByCore(MemoryModule module) => module.Facts is { IsBuiltIn: true, HasCopy: true };

    private static UffdIoctls IoctlsOf(MemoryModule module)
    {
        const UffdIoctls Missing = UffdIoctls.Copy | UffdIoctls.ZeroPage;
        return module.Facts.IsBuiltIn ? module.Facts.Ioctls : module.Facts.Ioctls & ~Missing;
    }

    private static RegisterModes ModesOf(UffdIoctls ioctls)
    {
        RegisterModes modes = RegisterModes.None;
        if ((ioctls & (UffdIoctls.Copy | UffdIoctls.ZeroPage)) != 0) modes |= RegisterModes.Missing;
        if ((ioctls & UffdIoctls.Continue) != 0) modes |= RegisterModes.Minor;
        if ((ioctls & UffdIoctls.WriteProtect) != 0) modes |= RegisterModes.WriteProtect;
        return modes;
    }
}
