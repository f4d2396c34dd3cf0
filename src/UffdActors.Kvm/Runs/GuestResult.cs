namespace UffdActors.Kvm.Runs;

/// <summary>Result of a run of a guest.</summary>
internal sealed record GuestResult
{
    /// <summary>How each vCPU has ended.</summary>
    public required IReadOnlyList<VcpuEnd> Ends { get; init; }

    /// <summary>Checksums in the vCPUs' registers (RBX) at their end; null if the registers could not be read.</summary>
    public required IReadOnlyList<ulong?> Checksums { get; init; }

    /// <summary>Checksums that the guest has reported by MMIO.</summary>
    public required IReadOnlyList<ulong> Reported { get; init; }

    /// <summary>SHA-256 over all of the guest's memory; null if the guest has not ended in order.</summary>
    public required string? MemorySha256 { get; init; }

    /// <summary>Base pages that were never requested; they are hashed with the content that the source has for them.</summary>
    public required long AbsentPages { get; init; }

    /// <summary>From the first instruction until the last vCPU has ended.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Exits of all vCPUs.</summary>
    public required long Exits { get; init; }

    /// <summary>How long each vCPU has waited for pages, by number; null where it has not, or all memory was present.</summary>
    public required IReadOnlyList<FaultLatency?> Latencies { get; init; }

    /// <summary>What the guest has written on its console.</summary>
    public required string Console { get; init; }

    /// <summary>Pages that the guest has given back.</summary>
    public required long GivenBack { get; init; }

    /// <summary>Faults; null where all memory was present.</summary>
    public required FaultCounts? Faults { get; init; }

    /// <summary>Pages that were fetched beside demand, zeros among them.</summary>
    public required long PushedPages { get; init; }

    /// <summary>Where it ran.</summary>
    public required VmPlace Place { get; init; }

    /// <summary>Bytes of a page of the memory.</summary>
    public required int PageBytes { get; init; }

    /// <summary>Pages that the guest faulted on, if they were recorded.</summary>
    public WorkingSet? WorkingSet { get; init; }

    /// <summary>True if every vCPU has ended in order.</summary>
    public bool IsDone => Ends.All(e => e.IsDone);
}
