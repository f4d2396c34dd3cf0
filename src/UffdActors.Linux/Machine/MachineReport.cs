using UffdActors.Linux.Needs;

namespace UffdActors.Linux.Machine;

/// <summary>
/// What this machine offers, asked of the machine itself: nothing is concluded from a version. Making the report changes nothing: the pool
/// of huge pages, sysctls and files stay as they are.
/// </summary>
internal sealed record MachineReport
{
    /// <summary>Kernel.</summary>
    public required KernelFacts Kernel { get; init; }

    /// <summary>How a userfaultfd can be opened.</summary>
    public required AccessFacts Access { get; init; }

    /// <summary>Features that UFFDIO_API offers; empty if no userfaultfd can be opened.</summary>
    public required IReadOnlyList<string> Features { get; init; }

    /// <summary>What REGISTER answers for each kind of memory and mode.</summary>
    public required IReadOnlyList<RegisterFact> Registers { get; init; }

    /// <summary>Memory.</summary>
    public required MemoryFacts Memory { get; init; }

    /// <summary>KVM.</summary>
    public required KvmFacts Kvm { get; init; }

    /// <summary>CPUs and scheduling.</summary>
    public required CpuFacts Cpus { get; init; }

    /// <summary>What is needed for something, whether it is there, and if not, what to do.</summary>
    public required IReadOnlyList<MachineFinding> Findings { get; init; }

    /// <summary>Asks this machine.</summary>
    public static MachineReport Read() => MachineProbe.Run();
}
