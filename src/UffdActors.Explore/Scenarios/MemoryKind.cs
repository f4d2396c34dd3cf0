namespace UffdActors.Explore.Scenarios;

/// <summary>What a region is made of.</summary>
internal enum MemoryKind
{
    /// <summary>Private anonymous memory.</summary>
    Anonymous,

    /// <summary>Shared memory of the module shmem.</summary>
    Shmem,

    /// <summary>Private mapping of a shmem file.</summary>
    ShmemPrivate,

    /// <summary>Shared memory of the module guest-memfd.</summary>
    GuestMemfd,

    /// <summary>Shared memory of the pool of huge pages.</summary>
    Hugetlb,

    /// <summary>Nothing is mapped there: a place to move to.</summary>
    Nothing,
}
