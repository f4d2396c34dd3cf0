namespace UffdActors.Kvm;

/// <summary>How the guest code of a vCPU has ended.</summary>
public enum VcpuEndKind
{
    /// <summary>HLT: the guest has finished (KVM_EXIT_HLT; there is no interrupt that could wake it).</summary>
    Halted,

    /// <summary>An exception that the guest could not handle, three deep (KVM_EXIT_SHUTDOWN).</summary>
    TripleFault,

    /// <summary>An internal error of KVM, such as an instruction that it does not emulate (KVM_EXIT_INTERNAL_ERROR).</summary>
    InternalError,

    /// <summary>The processor refused the vCPU's state (KVM_EXIT_FAIL_ENTRY).</summary>
    FailedEntry,

    /// <summary>A page of guest memory could not be faulted in: EFAULT of KVM_RUN, with KVM_EXIT_MEMORY_FAULT or without.</summary>
    MemoryFault,

    /// <summary>KVM_RUN failed with another errno.</summary>
    RunFailed,

    /// <summary>An unhandled exit: of a kind that this library does not support, or to a port or address without a device.</summary>
    UnhandledExit,

    /// <summary>A device of the embedder threw.</summary>
    DeviceFailed,

    /// <summary>It ran beyond the deadline, and was stopped.</summary>
    DeadlinePassed,

    /// <summary>
    /// It could not be stopped in time: its thread sleeps in the kernel until a page of guest memory comes, or the kernel does not return.
    /// </summary>
    NotStopped,

    /// <summary>Stopped because another vCPU of the machine has failed, or because the machine ends.</summary>
    Stopped,
}
