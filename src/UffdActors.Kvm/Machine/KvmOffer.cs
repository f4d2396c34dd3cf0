using UffdActors.Kvm.Native;
using UffdActors.Linux;
using UffdActors.Linux.Needs;

namespace UffdActors.Kvm.Machine;

/// <summary>What the KVM of this machine offers, by KVM_CHECK_EXTENSION.</summary>
/// <param name="ApiVersion">KVM_GET_API_VERSION.</param>
/// <param name="Missing">Extensions that this library needs and KVM lacks, by their names in the header.</param>
/// <param name="RecommendedVcpus">KVM_CAP_NR_VCPUS.</param>
/// <param name="MaxVcpus">KVM_CAP_MAX_VCPUS.</param>
/// <param name="MemorySlots">KVM_CAP_NR_MEMSLOTS.</param>
internal sealed record KvmOffer(int ApiVersion, IReadOnlyList<string> Missing, int RecommendedVcpus, int MaxVcpus, int MemorySlots)
{
    private const int StableApi = 12;

    private static readonly (string Name, int Number)[] Needed =
    [
        (nameof(KvmCap.KVM_CAP_USER_MEMORY), KvmCap.KVM_CAP_USER_MEMORY),
        (nameof(KvmCap.KVM_CAP_EXT_CPUID), KvmCap.KVM_CAP_EXT_CPUID),
        (nameof(KvmCap.KVM_CAP_MP_STATE), KvmCap.KVM_CAP_MP_STATE),
        (nameof(KvmCap.KVM_CAP_VCPU_EVENTS), KvmCap.KVM_CAP_VCPU_EVENTS),
        (nameof(KvmCap.KVM_CAP_DEBUGREGS), KvmCap.KVM_CAP_DEBUGREGS),
        (nameof(KvmCap.KVM_CAP_XSAVE), KvmCap.KVM_CAP_XSAVE),
        (nameof(KvmCap.KVM_CAP_XCRS), KvmCap.KVM_CAP_XCRS),
        (nameof(KvmCap.KVM_CAP_IMMEDIATE_EXIT), KvmCap.KVM_CAP_IMMEDIATE_EXIT),
    ];

    /// <summary>Names of the extensions that this library needs.</summary>
    public static IReadOnlyList<string> NeededNames { get; } = [.. Needed.Select(n => n.Name)];

    /// <summary>An interrupt controller in the kernel could be made (KVM_CAP_IRQCHIP); this library makes none.</summary>
    public bool HasInterruptController { get; init; }

    /// <summary>Asks.</summary>
    /// <exception cref="SyscallException">The device does not answer.</exception>
    public static KvmOffer Read(KvmHandle device)
    {
        return new KvmOffer(
            device.Call(KvmIoctl.KVM_GET_API_VERSION, 0, nameof(KvmIoctl.KVM_GET_API_VERSION)),
            [.. Needed.Where(n => Has(n.Number) <= 0).Select(n => n.Name)],
            Has(KvmCap.KVM_CAP_NR_VCPUS), Has(KvmCap.KVM_CAP_MAX_VCPUS), Has(KvmCap.KVM_CAP_NR_MEMSLOTS))
        {
            HasInterruptController = Has(KvmCap.KVM_CAP_IRQCHIP) > 0,
        };

        int Has(int extension) => device.TryCall(KvmIoctl.KVM_CHECK_EXTENSION, (nuint)extension, out _);
    }

    /// <exception cref="UnsupportedMachineException">KVM lacks something that machines need.</exception>
    public void ThrowIfNotEnough()
    {
        if (Problem() is { } problem)
            throw new UnsupportedMachineException(MachineNeed.Kvm, problem, nameof(KvmIoctl.KVM_CHECK_EXTENSION), Errno.EINVAL);
    }

    /// <summary>What is lacking, a sentence; null if nothing is.</summary>
    public string? Problem() => ApiVersion != StableApi
        ? $"/dev/kvm speaks API version {ApiVersion}, not {StableApi}."
        : Missing.Count > 0 ? $"The KVM of this kernel lacks {string.Join(", ", Missing)}." : null;
}
