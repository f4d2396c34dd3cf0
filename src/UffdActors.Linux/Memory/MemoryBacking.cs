namespace UffdActors.Linux.Memory;

/// <summary>What is behind a range of memory.</summary>
public enum MemoryBacking
{
    /// <summary>Private anonymous memory: nothing behind it.</summary>
    Anonymous,

    /// <summary>A memfd, or a file on tmpfs.</summary>
    Shmem,

    /// <summary>Huge pages of 2 MiB.</summary>
    Hugetlb,

    /// <summary>KVM's guest_memfd.</summary>
    GuestMemfd,

    /// <summary>Adopted memory of which nothing is known.</summary>
    Unknown,
}
