namespace UffdActors.Model.Backends;

/// <summary>Flags of KVM_CREATE_GUEST_MEMFD.</summary>
[Flags]
internal enum GuestMemfdFlags : ulong
{
    /// <summary>Memory that only a guest can reach.</summary>
    None = 0,

    /// <summary>GUEST_MEMFD_FLAG_MMAP: it can be mapped.</summary>
    Mmap = 1,

    /// <summary>
    /// GUEST_MEMFD_FLAG_INIT_SHARED: its pages are shared with the host from the start, so the host may touch what it maps.
    /// </summary>
    InitShared = 2,

    /// <summary>What user space can work with, and the default here.</summary>
    Shared = Mmap | InitShared,
}
