using UffdActors.Model.Backends;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Paging;

/// <summary>
/// The ordinary page fault, in a turn of the VMA's owner: zero page, new page, page of the file, private copy, swap-in, and the handling of
/// write-protection markers (SEMANTICS 4.2.4 to 4.2.7).
/// </summary>
internal static class Populate
{
    /// <summary>
    /// Decides again on the published state and does what that asks for, which may be nothing by now. The access starts again afterwards in
    /// any case.
    /// </summary>
    /// <returns>Success, or the error that ends the access (ENOMEM; EFAULT of a module that has no page to give).</returns>
    public static Errno Run(VmaOwner owner, long page, AccessKind kind)
    {
        AddressSpace mm = owner.Mm;
        if (Mmu.Decide(mm, page, kind, out Vma? vma, out Entry entry, out _) != Verdict.Populate) return Errno.None;
        long head = vma!.HeadOf(page);
        bool write = (kind & AccessKind.Write) != 0;

        if (entry.IsPresent)
        {
            if (entry.StopsWrites && vma.HasWp) return ClearWp(mm, head, entry);
            return Mmu.NeedsCopy(vma, entry) ? Copy(owner, vma, head, entry) : PassStaleWp(mm, head, entry);
        }

        if (entry.IsSwapped)
        {
            // A write starts again on the page that was swapped in, and finds its write protection there, if W is registered.
            Entry back = entry.WithSwapped(false);
            bool passes = back.IsWp && !vma.HasWp && (vma.Prot & Prot.Write) != 0 && !Mmu.NeedsCopy(vma, back);
            mm.SetEntry(head, passes ? back.WithWritableWp() : back);
            return Errno.None;
        }

        if (entry.Kind == EntryKind.WpMarker && !vma.HasWp && !vma.IsHuge)
        {
            mm.SetEntry(head, Entry.None);
            return Errno.None;
        }

        bool wp = entry.Kind == EntryKind.WpMarker;
        if (vma.IsAnonymous) return Anonymous(mm, vma, head, write, wp);
        if (entry.Kind == EntryKind.None && FaultAround.Applies(vma, kind)) FaultAround.Run(mm, vma, head);
        // For a read beyond the end, or one to be delivered, only fault-around is done here; the access decides again afterwards.
        return Mmu.Decide(mm, page, kind, out _, out _, out _) == Verdict.Populate ? FilePage(mm, vma, head, write, wp) : Errno.None;
    }

    // Asynchronous write protection: the write proceeds, and the cleared bit records it.
    private static Errno ClearWp(AddressSpace mm, long head, Entry entry)
    {
        mm.SetEntry(head, entry.WithWp(false));
        return Errno.None;
    }

    // Without W a write to a page that needs no copy makes it writable, and the bit stays.
    private static Errno PassStaleWp(AddressSpace mm, long head, Entry entry)
    {
        mm.SetEntry(head, entry.WithWritableWp());
        return Errno.None;
    }

    private static Errno Anonymous(AddressSpace mm, Vma vma, long page, bool write, bool wp)
    {
        if (!write && mm.Machine.Profile.ReadsMapZeroPage)
        {
            mm.SetEntry(page, Entry.Zero.WithWp(wp));
            return Errno.None;
        }

        vma.PrepareAnon(mm.Map);
        return SetAnon(mm, page, vma.Store, vma.Store.AllocateZeroed(), wp);
    }

    private static Errno FilePage(AddressSpace mm, Vma vma, long head, bool write, bool wp)
    {
        MemoryFile file = vma.File!;
        long index = vma.FileIndexOf(head);
        if (write && !vma.IsShared) vma.PrepareAnon(mm.Map);

        // hugetlb makes a private page without a cached one; other memory reads the file into the cache first and then copies.
        if (vma.IsHuge && !vma.IsShared && !file.SlotAt(index).IsPresent)
        {
            vma.PrepareAnon(mm.Map);
            return SetAnon(mm, head, file.Store, file.Store.AllocateZeroed(), wp);
        }

        Errno error = file.Module.TryFault(mm.Machine, file, index);
        if (error != Errno.None) return error;
        CacheSlot slot = file.Use(index);
        if (!slot.IsPresent) return Errno.None; // punched meanwhile: once more from the top

        if (write && !vma.IsShared && !vma.IsHuge) return SetAnon(mm, head, file.Store, file.Store.AllocateCopy(slot.Folio), wp);
        mm.SetEntry(head, Entry.File(slot.Folio).WithWp(wp));
        return Errno.None;
    }

    // Copy on write. A page that fork shared and that no other mapping has any more is taken as it is.
    private static Errno Copy(VmaOwner owner, Vma vma, long head, Entry entry)
    {
        AddressSpace mm = owner.Mm;
        FolioStore store = vma.Store;
        vma.PrepareAnon(mm.Map);
        switch (entry.Kind)
        {
            case EntryKind.Zero:
                return SetAnon(mm, head, store, store.AllocateZeroed(), wp: false);
            case EntryKind.Anon when !store.IsShared(entry.Folio):
                Entry own = entry.WithShared(false);
                mm.SetEntry(head, own.IsWp ? own.WithWritableWp() : own);
                return Errno.None;
            default:
                Errno error = SetAnon(mm, head, store, store.AllocateCopy(entry.Folio), wp: false);
                if (error == Errno.None && entry.Kind == EntryKind.Anon)
                    owner.FreeLater(store, entry.Folio, new PageRange(head, head + vma.Stride));
                return error;
        }
    }

    private static Errno SetAnon(AddressSpace mm, long head, FolioStore store, uint folio, bool wp)
    {
        if (folio == FolioStore.None && store.HasIdentity) return Errno.ENOMEM;
        mm.SetEntry(head, Entry.Anon(folio).WithWp(wp));
        return Errno.None;
    }
}
