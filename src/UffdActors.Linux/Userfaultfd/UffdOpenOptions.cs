namespace UffdActors.Linux.Userfaultfd;

/// <summary>How to open a userfaultfd.</summary>
internal sealed record UffdOpenOptions
{
    /// <summary>Which way; default both, system call first.</summary>
    public UffdOpenPath Path { get; init; }

    /// <summary>
    /// True to fall back to USER_MODE_ONLY if nothing else is permitted. Such a descriptor does not deliver faults that the kernel itself
    /// raises (system calls, KVM): those fail with EFAULT. The fallback is announced in <see cref="UffdDescriptor.Notice"/>.
    /// </summary>
    public bool AllowUserModeOnly { get; init; }

    /// <summary>True (default) for reads that do not wait.</summary>
    public bool NonBlocking { get; init; } = true;

    /// <summary>True to ask for USER_MODE_ONLY from the start.</summary>
    public bool UserModeOnly { get; init; }
}
