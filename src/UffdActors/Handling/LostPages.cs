namespace UffdActors;

/// <summary>What becomes of pages that are lost for good. They never become zeros.</summary>
public enum LostPages
{
    /// <summary>
    /// Their threads wait, and an incident says so, until <see cref="Userfault.Recover"/> or
    /// <see cref="Userfault.AbandonAsync(CancellationToken)"/>.
    /// </summary>
    Wait,

    /// <summary>
    /// They are poisoned (UFFDIO_POISON): user mode gets SIGBUS, a system call EFAULT. Refused where a vCPU would take the process along.
    /// The push pauses on such pages until they have been touched, or poisoned by <see cref="Userfault.PoisonAsync"/>, and
    /// <see cref="Userfault.Recover"/> is called.
    /// </summary>
    Poison,
}
