namespace UffdActors.Model.Paging;

/// <summary>What the MMU and the fault handler behind it decide on one access.</summary>
internal enum Verdict
{
    /// <summary>The entry allows the access.</summary>
    Hit,

    /// <summary>A userfault: the thread queues a message at the context and sleeps.</summary>
    Deliver,

    /// <summary>An ordinary fault: the VMA's owner changes the entry, and the access starts again.</summary>
    Populate,

    /// <summary>
    /// Beyond the end of the file, poisoned, or a userfault that may not be delivered: SIGBUS, or EFAULT in a system call.
    /// </summary>
    Bus,

    /// <summary>Nothing is mapped there: SIGSEGV with code 1, or EFAULT.</summary>
    NotMapped,

    /// <summary>The mapping does not allow it: SIGSEGV with code 2, or EFAULT.</summary>
    NotAllowed,

    /// <summary>
    /// The kernel repeats the fault for ever (hugetlb page with a WP bit in a VMA that is not registered for W any more; SEMANTICS 4.6.2).
    /// </summary>
    Spin,
}
