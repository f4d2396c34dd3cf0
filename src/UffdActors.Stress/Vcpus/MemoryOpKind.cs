namespace UffdActors.Stress.Vcpus;

/// <summary>What a vCPU does to guest memory.</summary>
internal enum MemoryOpKind
{
    /// <summary>Tries to take the mutex in the page; gives 1 if it succeeds.</summary>
    TryLock,

    /// <summary>Loads eight bytes.</summary>
    Read,

    /// <summary>Stores eight bytes.</summary>
    Write,

    /// <summary>Releases the mutex in the page.</summary>
    Unlock,
}
