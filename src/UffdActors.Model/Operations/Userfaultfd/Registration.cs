using UffdActors.Model.Backends.Designs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Userfaultfd;

/// <summary>What may be registered, and what REGISTER reports (SEMANTICS 3.1, 3.2, 3.4, 7.2.1, 7.2.2).</summary>
internal static class Registration
{
    /// <summary>
    /// True if a mapping can be registered with these modes (<c>vma_can_userfault</c>). The order matters: a droppable mapping is refused
    /// before any other check, asynchronous write protection granted before the module is asked.
    /// </summary>
    public static bool CanUserfault(KernelProfile profile, Vma vma, RegisterModes modes, UffdFeatures features)
    {
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(vma);
        const RegisterModes OfAnonymous = RegisterModes.Missing | RegisterModes.WriteProtect;
        if (vma.IsDroppable || modes == RegisterModes.None) return false;
        if ((modes & RegisterModes.WriteProtect) != 0 && vma.File is { Module.Facts.SupportsWpMarkers: false }) return false;
        // Asynchronous write protection needs nothing from the module, so any memory has it.
        if ((features & UffdFeatures.WpAsync) != 0 && modes == RegisterModes.WriteProtect) return true;
        return vma.IsAnonymous ? (modes & ~OfAnonymous) == 0 : OpsDesign.Of(profile.Shape).Accepts(vma, modes);
    }

    /// <summary>
    /// The ioctls that REGISTER reports. The mask depends on page size and modes alone; it says nothing about the memory
    /// (SEMANTICS 3.2), and in the proposal of June 2025 nothing about its table either.
    /// </summary>
    public static UffdIoctls ReportedIoctls(bool anyHuge, RegisterModes modes)
    {
        UffdIoctls mask = anyHuge ? UffdIoctls.OfHugeRange : UffdIoctls.OfRange;
        if ((modes & RegisterModes.WriteProtect) == 0) mask &= ~UffdIoctls.WriteProtect;
        if ((modes & RegisterModes.Minor) == 0) mask &= ~UffdIoctls.Continue;
        return mask;
    }

    /// <summary>Checks 5 to 10 of REGISTER, over the whole range before anything is changed.</summary>
    internal static Errno CheckRegister(UserfaultContext context, PageRange range, RegisterModes modes)
    {
        ReadOnlySpan<Vma> vmas = context.Mm.Map.In(range);
        if (vmas.Length == 0 || !StartIsAligned(vmas[0], range)) return Errno.EINVAL;
        foreach (Vma vma in vmas)
        {
            if (!CanUserfault(context.Mm.Machine.Profile, vma, modes, context.Features)) return Errno.EINVAL;
            if (!vma.MayWrite) return Errno.EPERM;
            if (!EndIsAligned(vma, range)) return Errno.EINVAL;
            if (vma.Context is { } owner && owner != context) return Errno.EBUSY;
        }

        return Errno.None;
    }

    /// <summary>The checks of UNREGISTER, over the whole range before anything is changed.</summary>
    internal static Errno CheckUnregister(UserfaultContext context, PageRange range)
    {
        ReadOnlySpan<Vma> vmas = context.Mm.Map.In(range);
        if (vmas.Length == 0 || !StartIsAligned(vmas[0], range)) return Errno.EINVAL;
        foreach (Vma vma in vmas)
        {
            if (vma.Context is { } owner && owner != context) return Errno.EINVAL;
            if (!CouldBeRegistered(context, vma)) return Errno.EINVAL;
        }

        return Errno.None;
    }

    // The kernel makes the same check as for REGISTER, with the VMA's modes; with none, only the type of memory decides.
    private static bool CouldBeRegistered(UserfaultContext context, Vma vma)
    {
        if (vma.Modes != RegisterModes.None) return CanUserfault(context.Mm.Machine.Profile, vma, vma.Modes, context.Features);
        if (vma.IsAnonymous) return !vma.IsDroppable;
        return OpsDesign.Of(context.Mm.Machine).Accepts(vma, RegisterModes.None);
    }

    private static bool StartIsAligned(Vma first, PageRange range) => !first.IsHuge || range.Start % first.Stride == 0;

    private static bool EndIsAligned(Vma vma, PageRange range) =>
        !vma.IsHuge || range.End > vma.Range.End || range.End <= vma.Range.Start || range.End % vma.Stride == 0;
}
