namespace UffdActors.Kvm.State;

/// <summary>Bytes of the structures that a vCPU's state consists of, as <c>linux/kvm.h</c> has them on x86-64.</summary>
internal static class CallSizes
{
    public const int Regs = 144;
    public const int Sregs = 312;
    public const int Xsave = 4096;
    public const int Xcrs = 392;
    public const int DebugRegs = 128;
    public const int MpState = 4;
    public const int Events = 64;
    public const int CpuidEntry = 40;
    public const int MsrEntry = 16;

    /// <summary>Entries of KVM_GET_SUPPORTED_CPUID, at most: KVM accepts no more (KVM_MAX_CPUID_ENTRIES).</summary>
    public const int MostCpuidEntries = 256;

    /// <summary>Entries of one KVM_GET_MSRS, at most: KVM accepts no more (MAX_IO_MSRS).</summary>
    public const int MostMsrs = 256;

    /// <summary>The size of a part that has one; null for lists.</summary>
    public static int? Of(StatePart part) => part switch
    {
        StatePart.Regs => Regs,
        StatePart.Sregs => Sregs,
        StatePart.Xsave => Xsave,
        StatePart.Xcrs => Xcrs,
        StatePart.DebugRegs => DebugRegs,
        StatePart.MpState => MpState,
        StatePart.Events => Events,
        _ => null,
    };
}
