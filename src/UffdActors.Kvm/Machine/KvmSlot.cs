namespace UffdActors.Kvm;

/// <summary>A region of a VM as memory of a machine.</summary>
/// <param name="Region">The region: anonymous memory, shmem or hugetlb.</param>
/// <param name="GuestAddress">Guest physical address of its first byte, a multiple of its page size.</param>
public sealed record KvmSlot(GuestRegion Region, ulong GuestAddress);
