namespace UffdActors.Kvm;

/// <summary>How a vCPU has ended, and where.</summary>
/// <param name="Vcpu">Number of the vCPU.</param>
/// <param name="Kind">How.</param>
/// <param name="Message">The same as a sentence: vCPU, rip, and address and page where they are known.</param>
public sealed record VcpuEnd(int Vcpu, VcpuEndKind Kind, string Message)
{
    /// <summary>Address of the instruction; null if the kernel did not return the registers.</summary>
    public ulong? Rip { get; init; }

    /// <summary>Guest address that it was about; null if there is none, or it is not known.</summary>
    public ulong? Address { get; init; }

    /// <summary>Region of that address; null if it is not known, or in none.</summary>
    public int? Region { get; init; }

    /// <summary>Page of the region, of 4 KiB.</summary>
    public long? Page { get; init; }

    /// <summary>True if the guest ended by itself, in order.</summary>
    public bool IsDone => Kind == VcpuEndKind.Halted;
}
