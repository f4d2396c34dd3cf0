using System.Diagnostics;
using UffdActors.Kvm.Programs;

namespace UffdActors.Kvm.Moves;

/// <summary>A guest program in a machine: what a side of a migration has of it.</summary>
/// <param name="Plan">The program.</param>
/// <param name="Vm">Machine of its memory.</param>
/// <param name="Machine">Its vCPUs.</param>
/// <param name="Device">Its devices.</param>
internal sealed record MovedProgram(GuestPlan Plan, UffdVm Vm, KvmMachine Machine, ProgramDevice Device)
{
    /// <summary>How long a vCPU may take to stop: one that sleeps in a fault which nobody resolves does not.</summary>
    public static readonly TimeSpan StopTimeout = TimeSpan.FromMilliseconds(300);

    /// <summary>The machine over a VM's first region, with vCPUs where the VM's own would be.</summary>
    public static KvmMachineOptions Options(GuestPlan plan, UffdVm vm, ProgramDevice device) => new()
    {
        Memory = plan.Slots(vm.Regions[0]),
        Vcpus = plan.Vcpus,
        Devices = [device],
        VcpuCpu = vm.Place.VcpuCpu,
        StopTimeout = StopTimeout,
    };

    /// <summary>vCPUs that the guest has not halted.</summary>
    public int Running => Machine.Vcpus.Count(v => v.Phase is VcpuPhase.Running or VcpuPhase.Pausing or VcpuPhase.Paused);

    /// <summary>When the last of its vCPUs began to run, as the time since the machine's start (CLOCK_MONOTONIC).</summary>
    public TimeSpan LastRanAt => Stopwatch.GetElapsedTime(0, Machine.Vcpus.Max(v => v.View.Thread?.RanAt ?? 0));

    /// <summary>The vCPU that a thread is; null if it is none.</summary>
    public int? VcpuOf(int thread) => Machine.Vcpus.FirstOrDefault(v => v.ThreadId == thread)?.Number;

    /// <summary>Exits of all vCPUs here.</summary>
    public long Exits => Machine.Vcpus.Sum(v => v.Exits);
}
