namespace UffdActors.Model.Operations;

/// <summary>How an access ended.</summary>
internal enum AccessOutcome
{
    /// <summary>It has not ended yet.</summary>
    None,

    /// <summary>Data was read or written.</summary>
    Ok,

    /// <summary>SIGBUS, user mode.</summary>
    SigBus,

    /// <summary>SIGSEGV, user mode.</summary>
    SigSegv,

    /// <summary>EFAULT, kernel mode.</summary>
    Fault,

    /// <summary>No memory for the page: the process would be killed.</summary>
    OutOfMemory,
}
