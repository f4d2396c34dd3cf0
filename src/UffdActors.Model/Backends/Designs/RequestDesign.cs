using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Backends.Designs;

/// <summary>
/// Design B: one hook for all requests, <c>userfaultfd_request</c>. It reports modes and resolves MINOR; resolving MISSING would need more
/// requests, so that is still done in core, for shmem and hugetlb alone.
/// </summary>
internal sealed class RequestDesign : OpsDesign
{
    public override string Description => "one request hook: GET_SUPPORTED, FAULT_RESOLVE";

    public override bool Accepts(Vma vma, RegisterModes modes)
    {
        ModuleFacts facts = vma.File!.Module.Facts;
        if (facts.Ops is null) return false;
        UserfaultRequest request = new() { Kind = UserfaultRequestKind.GetSupported };
        _ = Request(facts, ref request);
        RegisterModes supported = facts.IsBuiltIn ? request.Modes : request.Modes & ~RegisterModes.Missing;
        return (modes & ~supported) == 0;
    }

    public override bool Takes(Vma vma, FillKind kind) =>
        vma.File!.Module.Facts.IsBuiltIn || (kind == FillKind.Continue && Accepts(vma, RegisterModes.Minor));

    public override Errno Find(Vma vma, long page, out uint folio)
    {
        UserfaultRequest request = new() { Kind = UserfaultRequestKind.FaultResolve, File = vma.File, Index = vma.FileIndexOf(page) };
        Errno error = Request(vma.File!.Module.Facts, ref request);
        folio = request.Folio;
        if (error == Errno.ENOENT) return Errno.EFAULT;
        return error == Errno.None && folio == FolioStore.None && vma.File.Store.HasIdentity ? Errno.EFAULT : error;
    }

    public override Errno Make(in CopyRequest request, ref uint folio) => request.File.Module.Facts.Ops!.Copy(request, ref folio);

    public override IReadOnlyList<string> MembersOf(MemoryModule module)
    {
        if (module.Facts.Ops is null) return [];
        List<string> members = ["userfaultfd_request: GET_SUPPORTED"];
        if (module.Facts.HasGetFolio) members.Add("userfaultfd_request: FAULT_RESOLVE");
        if (module.Facts is { IsBuiltIn: true, HasCopy: true }) members.Add("copy code in core under the module's name");
        members.Add("userfault check in the fault handler");
        return members;
    }

    /// <summary>The hook as an unchanged module answers it.</summary>
    private static Errno Request(ModuleFacts facts, ref UserfaultRequest request)
    {
        switch (request.Kind)
        {
            case UserfaultRequestKind.GetSupported:
                request.Modes = facts.Features;
                return Errno.None;
            case UserfaultRequestKind.FaultResolve when facts.HasGetFolio:
                Errno error = facts.Ops!.GetFolio(request.File!, request.Index, out uint folio);
                request.Folio = folio;
                return error;
            default:
                return Errno.EINVAL;
        }
    }
}
