namespace UffdActors.Failures;

/// <summary>
/// Calls on a userfaultfd that is open need no privilege: a refusal of permission, or of the call as a whole, is not the kernel's own.
/// </summary>
internal static class DeniedCall
{
    /// <summary>What denies it; part of a sentence.</summary>
    public const string Why = "a seccomp filter or a security module (LSM) of this process, or of its container, may deny the call";

    /// <summary>True if that is what an errno says.</summary>
    public static bool Is(Errno error) => error is Errno.EPERM or Errno.EACCES or Errno.ENOSYS;
}
