using UffdActors.Kvm.Runs;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Needs;

namespace UffdActors.Cli.Reports;

/// <summary>What a machine offers, for machines; JSON.md explains every field.</summary>
internal sealed record DoctorDocument(
    KernelFacts Kernel, AccessFacts Access, IReadOnlyList<string> Features, IReadOnlyList<RegisterFact> Registers, MemoryFacts Memory,
    KvmFacts Kvm, CpuFacts Cpus, IReadOnlyList<MachineFinding> Findings, VmmFacts Vmm)
{
    public static DoctorDocument Of(MachineReport report, VmmFacts vmm) => new(
        report.Kernel, report.Access, report.Features, report.Registers, report.Memory, report.Kvm, report.Cpus, report.Findings, vmm);
}
