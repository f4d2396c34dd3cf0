namespace UffdActors.Kvm.Machine;

/// <summary>Which region a guest physical address belongs to.</summary>
internal sealed class MemoryMap(IReadOnlyList<KvmSlot> slots)
{
    /// <summary>Region and page (of 4 KiB) of an address; null if there is no memory.</summary>
    public (GuestRegion Region, long Page)? Find(ulong address)
    {
        foreach (KvmSlot slot in slots)
        {
            if (address >= slot.GuestAddress && address - slot.GuestAddress < slot.Bytes)
                return (slot.Region, slot.FirstPage + (long)((address - slot.GuestAddress) >> 12));
        }

        return null;
    }
}
