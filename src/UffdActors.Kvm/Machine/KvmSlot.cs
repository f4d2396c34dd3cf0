namespace UffdActors.Kvm;

/// <summary>A region of a VM, or a part of one, as memory of a machine.</summary>
/// <param name="Region">The region: anonymous memory, shmem or hugetlb.</param>
/// <param name="GuestAddress">Guest physical address of the slot's first byte, a multiple of the region's page size.</param>
public sealed record KvmSlot(GuestRegion Region, ulong GuestAddress)
{
    /// <summary>
    /// First page of the region that is in the slot, in pages of 4 KiB, at the start of a page of the region. Two slots with parts of one
    /// region leave a hole in the guest's physical memory, as below 4 GiB, where KVM has the page of the local APIC.
    /// </summary>
    public long FirstPage { get; init; }

    /// <summary>How many pages of 4 KiB are in the slot, whole pages of the region; null for all from <see cref="FirstPage"/> on.</summary>
    public long? Pages { get; init; }

    /// <summary>Bytes of the slot.</summary>
    internal ulong Bytes => (ulong)(Pages ?? Region.Pages - FirstPage) << 12;

    /// <summary>Where its first byte is in this process.</summary>
    internal ulong HostAddress => Region.Address + ((ulong)FirstPage << 12);
}
