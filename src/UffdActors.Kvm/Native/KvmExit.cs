namespace UffdActors.Kvm.Native;

/// <summary>Why KVM_RUN has returned: <c>kvm_run.exit_reason</c>.</summary>
internal static class KvmExit
{
    public const uint KVM_EXIT_IO = 2;
    public const uint KVM_EXIT_HLT = 5;
    public const uint KVM_EXIT_MMIO = 6;
    public const uint KVM_EXIT_SHUTDOWN = 8;
    public const uint KVM_EXIT_FAIL_ENTRY = 9;
    public const uint KVM_EXIT_INTR = 10;
    public const uint KVM_EXIT_INTERNAL_ERROR = 17;
    public const uint KVM_EXIT_MEMORY_FAULT = 39;

    public const byte KVM_EXIT_IO_OUT = 1;

    private static readonly Dictionary<uint, string> Names = new()
    {
        [0] = "KVM_EXIT_UNKNOWN",
        [1] = "KVM_EXIT_EXCEPTION",
        [KVM_EXIT_IO] = nameof(KVM_EXIT_IO),
        [3] = "KVM_EXIT_HYPERCALL",
        [4] = "KVM_EXIT_DEBUG",
        [KVM_EXIT_HLT] = nameof(KVM_EXIT_HLT),
        [KVM_EXIT_MMIO] = nameof(KVM_EXIT_MMIO),
        [7] = "KVM_EXIT_IRQ_WINDOW_OPEN",
        [KVM_EXIT_SHUTDOWN] = nameof(KVM_EXIT_SHUTDOWN),
        [KVM_EXIT_FAIL_ENTRY] = nameof(KVM_EXIT_FAIL_ENTRY),
        [KVM_EXIT_INTR] = nameof(KVM_EXIT_INTR),
        [12] = "KVM_EXIT_TPR_ACCESS",
        [16] = "KVM_EXIT_NMI",
        [KVM_EXIT_INTERNAL_ERROR] = nameof(KVM_EXIT_INTERNAL_ERROR),
        [24] = "KVM_EXIT_SYSTEM_EVENT",
        [29] = "KVM_EXIT_X86_RDMSR",
        [30] = "KVM_EXIT_X86_WRMSR",
        [33] = "KVM_EXIT_X86_BUS_LOCK",
        [37] = "KVM_EXIT_NOTIFY",
        [KVM_EXIT_MEMORY_FAULT] = nameof(KVM_EXIT_MEMORY_FAULT),
    };

    /// <summary>KVM's name of a reason, or its number.</summary>
    public static string NameOf(uint reason) =>
        Names.TryGetValue(reason, out string? name) ? name : string.Create(
            System.Globalization.CultureInfo.InvariantCulture, $"exit reason {reason}");
}
