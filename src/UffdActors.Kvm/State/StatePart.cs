namespace UffdActors.Kvm.State;

/// <summary>Parts of a vCPU's record. The numbers are part of the format: none is ever reused.</summary>
internal enum StatePart
{
    /// <summary>KVM_SET_CPUID2: entries of 40 bytes.</summary>
    Cpuid = 1,

    /// <summary>KVM_GET_REGS: <c>struct kvm_regs</c>.</summary>
    Regs = 2,

    /// <summary>KVM_GET_SREGS: <c>struct kvm_sregs</c>.</summary>
    Sregs = 3,

    /// <summary>KVM_GET_XSAVE: FPU and vector registers, <c>struct kvm_xsave</c>.</summary>
    Xsave = 4,

    /// <summary>KVM_GET_XCRS: <c>struct kvm_xcrs</c>.</summary>
    Xcrs = 5,

    /// <summary>KVM_GET_DEBUGREGS: <c>struct kvm_debugregs</c>.</summary>
    DebugRegs = 6,

    /// <summary>KVM_GET_MSRS: entries of 16 bytes.</summary>
    Msrs = 7,

    /// <summary>KVM_GET_MP_STATE: four bytes.</summary>
    MpState = 8,

    /// <summary>KVM_GET_VCPU_EVENTS: <c>struct kvm_vcpu_events</c>.</summary>
    Events = 9,

    /// <summary>Of this format, not KVM's: one byte, 1 if the guest has halted the vCPU for good.</summary>
    Halted = 10,
}
