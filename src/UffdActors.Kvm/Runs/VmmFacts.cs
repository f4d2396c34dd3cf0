using UffdActors.Kvm.Machine;

namespace UffdActors.Kvm.Runs;

/// <summary>Whether and how well the KVM of this machine serves the prototype.</summary>
/// <param name="Problem">Why no machine can be made or none runs, a sentence; null if one does.</param>
/// <param name="Missing">Extensions that are needed and not there, by their names in <c>linux/kvm.h</c>.</param>
/// <param name="RecommendedVcpus">KVM_CAP_NR_VCPUS; null if it could not be asked.</param>
/// <param name="MaxVcpus">KVM_CAP_MAX_VCPUS; null if it could not be asked.</param>
/// <param name="MemorySlots">KVM_CAP_NR_MEMSLOTS; null if it could not be asked.</param>
/// <param name="InstructionNanoseconds">Time of an instruction of a small guest; null if none has run.</param>
/// <param name="Host">What the processor offers to KVM.</param>
internal sealed record VmmFacts(
    string? Problem, IReadOnlyList<string> Missing, int? RecommendedVcpus, int? MaxVcpus, int? MemorySlots, double? InstructionNanoseconds,
    HostVirtualization Host)
{
    private const double Emulated = 100;

    /// <summary>Extensions that are needed, by their names in <c>linux/kvm.h</c>.</summary>
    public IReadOnlyList<string> Needed { get; } = KvmOffer.NeededNames;

    /// <summary>An interrupt controller could be made; null if it could not be asked. The prototype makes none.</summary>
    public bool? HasInterruptController { get; init; }

    /// <summary>True if guest code runs so slowly that KVM emulates it, as where KVM itself runs without hardware support.</summary>
    public bool IsEmulated => InstructionNanoseconds > Emulated;
}
