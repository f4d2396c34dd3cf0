namespace UffdActors.Linux.Needs;

/// <summary>
/// Tells a call that is denied from one that is not there. An errno alone does not: EPERM is the kernel's own answer without a
/// capability, and a seccomp filter's or a security module's with it; ENOSYS is an old kernel's, and a filter's.
/// </summary>
internal static class Denial
{
    /// <summary>What a refusal with an errno means.</summary>
    /// <param name="need">What was tried.</param>
    /// <param name="call">The call, as a filter would name it.</param>
    /// <param name="error">What it gave.</param>
    /// <param name="capability">Capability without which the kernel itself refuses; null if it asks for none.</param>
    /// <param name="who">This process.</param>
    public static NeedAnswer Of(MachineNeed need, string call, Errno error, Capability? capability, Confinement who) => error switch
    {
        Errno.EPERM or Errno.EACCES when capability is { } needed && !who.Has(needed) => Lacking(need, needed, who),
        Errno.EPERM or Errno.EACCES when capability is not null && who.UserNamespace => new NeedAnswer(
            NeedState.Denied,
            $"The capabilities of this process are those of its user namespace (a rootless container), and do not count for "
                + $"{call}.{MaybeFiltered(who)}",
            Outside(need)),
        Errno.EPERM or Errno.EACCES => Confined(call, error, who),
        Errno.ENOSYS when who.IsFiltered => NeedAnswer.Unknown(
            $"{call} gives ENOSYS, which a kernel without it says, and a seccomp filter (Seccomp: 2 in /proc/self/status) as well.",
            $"{AllowInFilter(call)} If the kernel does not have it: {Remedies.Of(need)}"),
        _ => NeedAnswer.Absent(need),
    };

    /// <summary>What lies around a process that the kernel itself would not refuse.</summary>
    public static NeedAnswer Confined(string call, Errno error, Confinement who)
    {
        string refused = $"{call} gives {error} to a process that the kernel itself would not refuse";
        string here = who.Container is { } container ? $", in a container ({container})" : "";
        if (who.IsFiltered)
            return new NeedAnswer(
                NeedState.Denied, $"{refused}: a seccomp filter does (Seccomp: 2 in /proc/self/status{here}).", AllowInFilter(call));
        if (who.SecurityProfile is { } profile)
        {
            return new NeedAnswer(
                NeedState.Denied,
                $"{refused}: a security module does (profile {profile}{here}).",
                $"Let the profile of the security module (AppArmor, SELinux) allow {call}, or run outside of it (Docker: --security-opt "
                    + $"apparmor=unconfined, or label=disable).");
        }

        return new NeedAnswer(
            NeedState.Denied,
            $"{refused}{here}, and neither a seccomp filter nor a profile of a security module shows.",
            $"Look for what confines this process (an LSM, BPF, the sandbox that it runs in), and let it allow {call}.");
    }

    private static NeedAnswer Lacking(MachineNeed need, Capability capability, Confinement who)
    {
        // For a user other than root the remedy itself names what is missing.
        if (who.User != 0)
            return new NeedAnswer(NeedState.Denied, who.IsFiltered ? MaybeFiltered(who).TrimStart() : null, Remedies.Of(need));
        string name = capability == Capability.SysPtrace ? "SYS_PTRACE" : "SYS_NICE";
        return new NeedAnswer(
            NeedState.Denied,
            $"This is root without CAP_{name} (CapEff in /proc/self/status), as in a container.{MaybeFiltered(who)}",
            $"Give it CAP_{name} (Docker: --cap-add {name}; Kubernetes: securityContext.capabilities.add){Elsewhere(need)}.");
    }

    private static string MaybeFiltered(Confinement who) =>
        who.IsFiltered ? " A seccomp filter (Seccomp: 2 in /proc/self/status) may refuse it as well." : "";

    private static string Outside(MachineNeed need) => $"Run outside of the user namespace{Elsewhere(need)}.";

    // Ways that take no capability.
    private static string Elsewhere(MachineNeed need) => need is MachineNeed.Userfaultfd or MachineNeed.KernelFaults
        ? ", or hand in /dev/userfaultfd (Docker: --device /dev/userfaultfd), or set sysctl vm.unprivileged_userfaultfd=1 on the host"
        : "";

    private static string AllowInFilter(string call) =>
        $"Let the seccomp filter allow {call} (Docker: --security-opt seccomp=PROFILE; Kubernetes: securityContext.seccompProfile; "
            + $"systemd: SystemCallFilter=).";
}
