using UffdActors.Linux.Machine;
using UffdActors.Linux.Needs;
using UffdActors.Linux.Waiting;
using UffdActors.Model;

namespace UffdActors.Recorder.Comparison;

/// <summary>Properties of the machine that programs depend on; the model is given the same.</summary>
/// <param name="Release">Release of the kernel, as recordings name it.</param>
/// <param name="Profile">The profile to be compared with this kernel.</param>
/// <param name="FaultAroundBytes">Window of fault-around.</param>
/// <param name="HugePages">True if there are huge pages enough for a program.</param>
internal sealed record LiveConditions(string Release, KernelProfile Profile, long FaultAroundBytes, bool HugePages)
{
    // Three files of four pages at most, each mapped privately more than once; without memory of other processes.
    private const long HugePagesOfAProgram = 64;

    /// <summary>The conditions of a machine.</summary>
    /// <param name="report">The machine.</param>
    /// <param name="profile">The model that programs are made for, and compared with.</param>
    /// <exception cref="UnsupportedMachineException">Programs cannot be executed there; the message says what to do.</exception>
    public static LiveConditions Of(MachineReport report, KernelProfile profile)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(profile);
        RequiredCalls.CheckChildren();
        Require(report, MachineNeed.Userfaultfd, "userfaultfd cannot be opened.");
        if (report.Access.Syscall != "ok" && report.Access.Device != "ok")
        {
            string problem = $"Programs open userfaultfd for faults of the kernel too: the system call gives {report.Access.Syscall}, "
                + $"/dev/userfaultfd {report.Access.Device}.";
            Require(report, MachineNeed.KernelFaults, problem);
            throw new UnsupportedMachineException(MachineNeed.KernelFaults, problem);
        }

        Require(report, MachineNeed.RealTimePriority, "Programs run by strict priorities, which are not permitted.");
        Require(report, MachineNeed.WaitChannels, "Where a thread sleeps is not shown by /proc.");
        if (report.Memory.FaultAroundBytes < 0) Require(report, MachineNeed.PagemapScan, "Which pages are mapped is not shown by /proc.");
        return new LiveConditions(
            report.Kernel.Release.Split('-')[0],
            profile with { ReadsMapZeroPage = MemoryProbe.ReadsMapZeroPage() },
            report.Memory.FaultAroundBytes,
            report.Memory.HugePagesFree - report.Memory.HugePagesReserved >= HugePagesOfAProgram);
    }

    /// <summary>The model that is exactly the kernel of a release, such as 6.18.44; null if none is.</summary>
    public static KernelProfile? ModelOf(string release)
    {
        ArgumentNullException.ThrowIfNull(release);
        return KernelProfile.Find("linux-" + string.Join('.', release.Split('-')[0].Split('.').Take(2)));
    }

    private static void Require(MachineReport report, MachineNeed need, string problem)
    {
        if (report.Findings.FirstOrDefault(f => f.Need == need && !f.IsMet) is { } finding)
            throw UnsupportedMachineException.Of(finding, problem);
    }
}
