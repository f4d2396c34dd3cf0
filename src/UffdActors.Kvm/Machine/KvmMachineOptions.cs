namespace UffdActors.Kvm;

/// <summary>Options of a machine.</summary>
public sealed record KvmMachineOptions
{
    /// <summary>vCPUs that a machine may have.</summary>
    public const int MaxVcpus = 16;

    /// <summary>Its memory, at least one slot; slots do not overlap.</summary>
    public required IReadOnlyList<KvmSlot> Memory { get; init; }

    /// <summary>vCPUs, 1 to <see cref="MaxVcpus"/>.</summary>
    public int Vcpus { get; init; } = 1;

    /// <summary>Its devices, tried in this order.</summary>
    public IReadOnlyList<IKvmDevice> Devices { get; init; } = [];

    /// <summary>CPU that the vCPUs' threads are bound to, one that this process may use; null for none.</summary>
    public int? VcpuCpu { get; init; }

    /// <summary>
    /// How long the machine's disposal waits for vCPUs that do not stop. One that sleeps until a page comes keeps sleeping afterwards; its
    /// thread ends by itself once the page is there.
    /// </summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
