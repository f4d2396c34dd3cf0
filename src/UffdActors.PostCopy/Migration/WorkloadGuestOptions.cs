namespace UffdActors.PostCopy;

/// <summary>What the vCPUs of a <see cref="WorkloadGuest"/> do, over one region.</summary>
public sealed record WorkloadGuestOptions
{
    /// <summary>vCPUs, 1 to <see cref="GuestLayout.MaxVcpus"/>.</summary>
    public int Vcpus { get; init; } = 2;

    /// <summary>Pattern of the accesses.</summary>
    public WorkloadKind Workload { get; init; } = WorkloadKind.Random;

    /// <summary>Accesses of all vCPUs together, on both sides.</summary>
    public long Accesses { get; init; } = 1_000_000;

    /// <summary>Share of writes, 0 to 1.</summary>
    public double WriteRatio { get; init; } = 0.3;

    /// <summary>Seed of the accesses.</summary>
    public ulong Seed { get; init; } = 1;
}
