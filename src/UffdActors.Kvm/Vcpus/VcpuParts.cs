using UffdActors.Kvm.Machine;
using UffdActors.Kvm.Native;

namespace UffdActors.Kvm.Vcpus;

/// <summary>Parts of a vCPU's thread.</summary>
/// <param name="Number">Number of the vCPU.</param>
/// <param name="Handle">Its descriptor; the thread closes it.</param>
/// <param name="Run">Its <c>kvm_run</c>; the thread unmaps it.</param>
/// <param name="Msrs">Model-specific registers of the machine.</param>
/// <param name="Devices">Devices.</param>
/// <param name="Map">Memory of the machine.</param>
/// <param name="Cpu">CPU that the thread is bound to; null for none.</param>
internal sealed record VcpuParts(
    int Number, KvmHandle Handle, RunPage Run, IReadOnlyList<uint> Msrs, IReadOnlyList<IKvmDevice> Devices, MemoryMap Map, int? Cpu);
