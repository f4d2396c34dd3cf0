using UffdActors.Abi;
using UffdActors.Model.Backends.Designs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Operations.Filling;

/// <summary>Which fills a mapping takes at all, before a page is looked at (SEMANTICS 5.1, 5.2, 7.2.3).</summary>
internal static class FillRules
{
    /// <summary>Checks a fill against the mapping of its destination.</summary>
    /// <returns>Success, or EINVAL.</returns>
    public static Errno Check(Machine machine, Vma vma, FillKind kind, FillModes modes, ulong start, ulong length)
    {
        if ((modes & FillModes.WriteProtect) != 0 && !vma.HasWp) return Errno.EINVAL;
        if (vma.IsAnonymous) return kind == FillKind.Continue ? Errno.EINVAL : Errno.None;
        if (!OpsDesign.Of(machine).Takes(vma, kind)) return Errno.EINVAL;
        if (!vma.IsHuge) return Errno.None;
        ulong mask = (ulong)vma.PageBytes - 1;
        return kind == FillKind.ZeroPage || (start & mask) != 0 || (length & mask) != 0 ? Errno.EINVAL : Errno.None;
    }

    /// <summary>True if the module's hook makes or finds the folio; else core does it in the turn that maps it.</summary>
    public static bool NeedsModule(Vma vma, FillKind kind) => !vma.IsAnonymous && !vma.IsHuge && kind switch
    {
        FillKind.Continue => true,
        FillKind.Poison => false,
        _ => vma.IsShared, // a private mapping of a file is filled as anonymous memory
    };
}
