using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Backends.Designs;

/// <summary>Linux 6.18: core calls the code of shmem and hugetlb by name; other memory cannot be registered.</summary>
internal sealed class BuiltInDesign : OpsDesign
{
    public override string Description => "no interface: core names shmem and hugetlb";

    public override bool Accepts(Vma vma, RegisterModes modes) => vma.File!.Module.Facts.IsBuiltIn;

    public override bool Takes(Vma vma, FillKind kind) => vma.File!.Module.Facts.IsBuiltIn;

    public override Errno Find(Vma vma, long page, out uint folio) => FindByTable(vma, vma.File!.Module.Facts.Ops!, page, out folio);

    public override Errno Make(in CopyRequest request, ref uint folio) => request.File.Module.Facts.Ops!.Copy(request, ref folio);

    public override IReadOnlyList<string> MembersOf(MemoryModule module) =>
        module.Facts.IsBuiltIn ? ["code in core under the module's name"] : [];
}
