using System.CommandLine;
using System.Globalization;
using UffdActors.Cli.Hosting;
using UffdActors.Cli.Options;
using UffdActors.Cli.Reports;
using UffdActors.Kvm.Runs;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Needs;

namespace UffdActors.Cli.Commands;

/// <summary><c>uffd doctor</c>: what this machine offers, and what to do about what is missing. Changes nothing.</summary>
internal static class DoctorCommand
{
    public static Command Build(Terminal terminal)
    {
        Option<string?> json = TypedOptions.Json();
        Command command = new("doctor", "Print what this machine offers, and for each thing missing what to do. Changes nothing.") { json };
        command.SetAction(parsed =>
        {
            using JsonTarget target = JsonTarget.Open(terminal, parsed.GetValue(json));
            MachineReport report = MachineReport.Read();
            VmmFacts vmm = VmmProbe.Run();
            target.Write(JsonText.Of("uffd-doctor", DoctorDocument.Of(report, vmm), version: 2));
            Write(target.Report, report, vmm);
            return ExitCode.Done;
        });
        return command;
    }

    private static void Write(Terminal terminal, MachineReport report, VmmFacts vmm)
    {
        (AccessFacts access, MemoryFacts memory, KvmFacts kvm, CpuFacts cpus) = (report.Access, report.Memory, report.Kvm, report.Cpus);
        Line("kernel", $"{report.Kernel.Release} {report.Kernel.Architecture}");
        Line("config",
            report.Kernel.Config.Count == 0
                ? "not shown by this kernel (/proc/config.gz)"
                : string.Join(' ', report.Kernel.Config.Select(o => $"{o.Key["CONFIG_".Length..]}={o.Value}")));
        Line("userfaultfd", $"system call {access.Syscall}, /dev/userfaultfd {access.Device}, user-mode only {access.UserModeOnly}");
        Line("permissions",
            $"user {access.EffectiveUser}, CAP_SYS_PTRACE {YesNo(access.CapSysPtrace)}, vm.unprivileged_userfaultfd "
                + $"{access.UnprivilegedSysctl?.ToString(CultureInfo.InvariantCulture) ?? "absent"}");
        Line("confinement", string.Join(", ", Confining(access.Confinement)));
        Line("features", report.Features.Count == 0 ? "unknown" : string.Join(' ', report.Features));
        if (report.Registers.Count == 0) Line("register", "unknown: there is no userfaultfd to ask with");
        foreach (IGrouping<string, RegisterFact> kind in report.Registers.GroupBy(r => r.Memory))
        {
            foreach (RegisterFact fact in kind)
                Line("register",
                    $"{fact.Memory} "
                        + $"{(fact.Modes.Length == 0 ? "" : fact.Modes + " ")}{(fact.Context == "async" ? "async " : "")}{fact.Answer}"
                        + (fact.Ioctls.Count == 0 ? "" : ": " + string.Join(' ', fact.Ioctls)));
        }

        Line("memory", $"{memory.TotalMib} MiB, {memory.AvailableMib} MiB available, swap {memory.SwapMib} MiB");
        Line("huge pages",
            $"{memory.HugePagesTotal} of {memory.HugePageBytes / 1024} KiB, {memory.HugePagesFree} free, {memory.HugePagesReserved} "
                + $"reserved");
        Line("THP", $"anonymous {memory.TransparentHugePages}, shmem {memory.TransparentHugePagesShmem}");
        Line("memory failure",
            memory.MemoryFailure ? "handled (a poisoned page gives si_code 4)" : "not handled (a poisoned page gives si_code 2)");
        Line("fault-around", memory.FaultAroundBytes < 0 ? "unknown: it could not be measured" : $"{memory.FaultAroundBytes / 1024} KiB");
        Line("PAGEMAP_SCAN", memory.PagemapScanAnswer);
        Line("KVM", $"/dev/kvm {kvm.Device}, API {kvm.ApiVersion}, guest_memfd {YesNo(kvm.GuestMemfd)}, flags {kvm.GuestMemfdFlags}");
        Line("KVM hardware", vmm.Host.ToString());
        Line("KVM needs", Needs(vmm));
        Line("KVM interrupts",
            "none: guests of uffd vmm have no interrupt controller and no timer, and HLT ends a vCPU"
                + (vmm.HasInterruptController is { } has ? $" (KVM offers {(has ? "one" : "none")})" : ""));
        Line("KVM machines", Machines(vmm));
        Line("CPUs", $"online {cpus.Online}, allowed {string.Join(',', cpus.Allowed)}");
        Line("scheduling", $"real-time priorities {cpus.RealTimePriority}, wait channels {YesNo(cpus.WaitChannels)}");
        terminal.WriteLine("");
        foreach (MachineFinding finding in report.Findings)
        {
            terminal.WriteLine($"{Word(finding.State),-7} {finding.Need} (for {finding.For})");
            if (finding.Cause is { } cause) terminal.WriteLine("        " + cause);
            if (finding.Remedy is { } remedy) terminal.WriteLine("        " + remedy);
        }

        void Line(string name, string text) => terminal.WriteLine($"{name,-15} {text}");
    }

    // What uffd vmm needs: the extensions, and a guest that runs.
    private static string Machines(VmmFacts vmm)
    {
        string offer = vmm.RecommendedVcpus is { } vcpus
            ? string.Create(
                CultureInfo.InvariantCulture, $"{vcpus} vCPUs recommended, {vmm.MaxVcpus} at most, {vmm.MemorySlots} memory slots; ")
            : "";
        if (vmm.Problem is { } problem) return $"{offer}uffd vmm cannot run here: {problem}";
        string speed = vmm.IsEmulated
            ? "KVM emulates guest code, because the processor does not run it: "
                + $"{Figures.Time(vmm.InstructionNanoseconds!.Value)} an instruction"
            : "guest code runs on the processor";
        return $"{offer}a guest runs; {speed}";
    }

    private static string Needs(VmmFacts vmm)
    {
        string needed = string.Join(' ', vmm.Needed.Select(Short));
        return vmm.RecommendedVcpus is null ? $"{needed} (not asked for)"
            : vmm.Missing.Count > 0 ? $"{needed}; MISSING {string.Join(' ', vmm.Missing.Select(Short))}"
            : $"{needed}: all there";

        static string Short(string name) => name["KVM_CAP_".Length..];
    }

    private static string Word(NeedState state) => state switch
    {
        NeedState.Met => "ok",
        NeedState.Denied => "DENIED",
        NeedState.Absent => "MISSING",
        _ => "unknown",
    };

    private static IEnumerable<string> Confining(Confinement confinement)
    {
        yield return confinement.Seccomp switch
        {
            0 => "no seccomp",
            1 => "seccomp, strict",
            _ => "a seccomp filter",
        };
        if (confinement.SecurityProfile is { } profile) yield return $"profile {profile}";
        if (confinement.UserNamespace) yield return "a user namespace";
        if (confinement.Container is { } container) yield return $"a container ({container})";
    }

    private static string YesNo(bool value) => value ? "yes" : "no";
}
