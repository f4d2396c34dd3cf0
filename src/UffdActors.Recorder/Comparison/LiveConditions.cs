using UffdActors.Linux.Machine;
using UffdActors.Model;

namespace UffdActors.Recorder.Comparison;

/// <summary>What a program has to know of the machine; the model is told the same.</summary>
/// <param name="Release">Release of the kernel, as recordings name it.</param>
/// <param name="Profile">The model that is to be this kernel.</param>
/// <param name="FaultAroundBytes">Window of fault-around.</param>
/// <param name="HugePages">True if there are huge pages enough for a program.</param>
public sealed record LiveConditions(string Release, KernelProfile Profile, long FaultAroundBytes, bool HugePages)
{
    // Three files of four pages at most, each mapped privately more than once; and nobody else's share.
    private const long HugePagesOfAProgram = 64;

    /// <summary>The conditions of a machine.</summary>
    /// <exception cref="UnsupportedMachineException">Programs cannot be executed there; the message says what to do.</exception>
    public static LiveConditions Of(MachineReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        Require(report, MachineNeed.Userfaultfd, "userfaultfd cannot be opened.");
        if (report.Access.Syscall != "ok")
            throw new UnsupportedMachineException(MachineNeed.KernelFaults, $"Programs open userfaultfd by the system call, which gives {report.Access.Syscall}.");
        Require(report, MachineNeed.RealTimePriority, "Programs run by strict priorities, which are not permitted.");
        Require(report, MachineNeed.WaitChannels, "Where a thread sleeps is not shown by /proc.");
        return new LiveConditions(
            report.Kernel.Release.Split('-')[0],
            KernelProfile.Linux618,
            report.Memory.FaultAroundBytes,
            report.Memory.HugePagesFree - report.Memory.HugePagesReserved >= HugePagesOfAProgram);
    }

    private static void Require(MachineReport report, MachineNeed need, string problem)
    {
        if (report.Findings.Any(f => f.Need == need && !f.IsMet)) throw new UnsupportedMachineException(need, problem);
    }
}
