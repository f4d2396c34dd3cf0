using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Backends.Designs;

/// <summary>
/// Design A: CONTINUE calls the backend's own fault handler with a flag that says "no userfault this time". The handler allocates a page
/// that is not cached, so CONTINUE over a hole succeeds. MISSING is still done in core, for shmem and hugetlb alone.
/// </summary>
internal sealed class FaultHandlerDesign : OpsDesign
{
    public override string Description => "CONTINUE through the backend's fault handler, with a no-userfault flag";

    public override bool Accepts(Vma vma, RegisterModes modes) => vma.File!.Module.Facts switch
    {
        { IsBuiltIn: true } => true,
        { Ops: not null } facts => (modes & ~(facts.Features & RegisterModes.Minor)) == 0,
        _ => false,
    };

    public override bool Takes(Vma vma, FillKind kind) =>
        vma.File!.Module.Facts.IsBuiltIn || (kind == FillKind.Continue && Accepts(vma, RegisterModes.Minor));

    public override Errno Find(Vma vma, long page, out uint folio)
    {
        MemoryFile file = vma.File!;
        long index = vma.FileIndexOf(page);
        folio = FolioStore.None;
        // The handler returns SIGBUS for every failure; core can only turn that into EFAULT.
        if (index >= file.EndIndex) return Errno.EFAULT;
        Errno error = file.Module.Fault(file, index);
        folio = file.Use(index).Folio;
        return error;
    }

    public override Errno Make(in CopyRequest request, ref uint folio) => request.File.Module.Facts.Ops!.Copy(request, ref folio);

    public override IReadOnlyList<string> MembersOf(MemoryModule module)
    {
        if (module.Facts.Ops is null) return [];
        List<string> members = [];
        if ((module.Facts.Features & RegisterModes.Minor) != 0 && module.Facts.PageShift == PageSize.BaseShift)
            members.Add("no-userfault flag in the fault handler");
        if (module.Facts is { IsBuiltIn: true, HasCopy: true }) members.Add("copy code in core under the module's name");
        members.Add("userfault check in the fault handler");
        return members;
    }
}
