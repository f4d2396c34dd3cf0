namespace UffdActors.Linux.Userfaultfd;

/// <summary>Ways to a new userfaultfd.</summary>
internal enum UffdOpenPath
{
    /// <summary>The system call, then the device.</summary>
    Any,

    /// <summary><c>userfaultfd</c>(2): needs CAP_SYS_PTRACE or vm.unprivileged_userfaultfd=1.</summary>
    Syscall,

    /// <summary><c>/dev/userfaultfd</c>: needs permission on the file only.</summary>
    Device,
}
