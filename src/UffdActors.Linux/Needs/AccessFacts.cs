namespace UffdActors.Linux.Needs;

/// <summary>Ways to a userfaultfd; each is "ok", or an errno.</summary>
/// <param name="EffectiveUser">User of this process.</param>
/// <param name="CapSysPtrace">CAP_SYS_PTRACE is effective.</param>
/// <param name="UnprivilegedSysctl">vm.unprivileged_userfaultfd; null if there is none.</param>
/// <param name="Syscall">The system call.</param>
/// <param name="Device"><c>/dev/userfaultfd</c>.</param>
/// <param name="UserModeOnly">The system call with USER_MODE_ONLY.</param>
internal sealed record AccessFacts(
    uint EffectiveUser, bool CapSysPtrace, int? UnprivilegedSysctl, string Syscall, string Device, string UserModeOnly)
{
    /// <summary>UFFDIO_API, on what could be opened: "ok", or an errno.</summary>
    public string Handshake { get; init; } = "ok";

    /// <summary>What may keep this process from calls that the kernel has.</summary>
    public Confinement Confinement { get; init; } = Confinement.None;
}
