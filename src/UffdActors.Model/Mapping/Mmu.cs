using System.Runtime.CompilerServices;
using UffdActors.Abi;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Mapping;

/// <summary>What the memory management unit and the fault handler behind it make of one access.</summary>
public enum Verdict
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
    /// The kernel repeats the fault for ever (hugetlb page with a write-protection bit that nobody watches any more; SEMANTICS 4.6.2).
    /// </summary>
    Spin,
}

/// <summary>How a thread touches memory.</summary>
[Flags]
public enum AccessKind
{
    /// <summary>A load, or an instruction fetch.</summary>
    Read = 0,

    /// <summary>A store, or an atomic operation even if it fails.</summary>
    Write = 1,

    /// <summary>By the kernel, in a system call: an error is EFAULT instead of a signal.</summary>
    Kernel = 2,
}

/// <summary>
/// The fault decision: a function of what is published, and of nothing else (SEMANTICS 4.2, 4.6, 4.7). It is asked by the
/// thread, once more by the context when the fault is queued (RING R1), and by the VMA's owner before it populates.
/// </summary>
public static class Mmu
{
    /// <summary>Decides one access.</summary>
    /// <param name="mm">Address space.</param>
    /// <param name="page">Base page.</param>
    /// <param name="kind">Kind of access.</param>
    /// <param name="vma">The mapping, or null.</param>
    /// <param name="entry">The entry that the decision was made on; of a huge page, that of its first base page.</param>
    /// <param name="flags">For <see cref="Verdict.Deliver"/>: what the message says.</param>
    public static Verdict Decide(AddressSpace mm, long page, AccessKind kind, out Vma? vma, out Entry entry, out FaultFlags flags)
    {
        flags = FaultFlags.None;
        entry = default;
        vma = mm.Map.Find(page);
        if (vma is null) return Verdict.NotMapped;
        bool write = (kind & AccessKind.Write) != 0;
        if ((vma.Prot & (write ? Prot.Write : Prot.ReadWrite)) == 0) return Verdict.NotAllowed;

        long head = vma.HeadOf(page);
        entry = mm.EntryAt(head);
        return entry.IsPresent
            ? DecidePresent(vma, entry, kind, ref flags)
            : DecideEmpty(mm, vma, head, entry, kind, ref flags);
    }

    /// <summary>True if a write to a present page first needs a page of its own.</summary>
    internal static bool NeedsCopy(Vma vma, Entry entry) => entry.Kind switch
    {
        EntryKind.Zero => true,
        EntryKind.File => !vma.IsShared,
        _ => entry.IsShared,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Verdict DecidePresent(Vma vma, Entry entry, AccessKind kind, ref FaultFlags flags)
    {
        if ((kind & AccessKind.Write) == 0) return Verdict.Hit;
        if (entry.IsWp)
        {
            if (vma.HasWp)
            {
                if ((vma.Context!.Features & UffdFeatures.WpAsync) != 0) return Verdict.Populate;
                return Deliver(vma, FaultFlags.Wp, kind, ref flags);
            }

            // Of a base page the stale bit is ignored; the huge-page handler trips over it for ever.
            if (vma.IsHuge) return Verdict.Spin;
        }

        return NeedsCopy(vma, entry) ? Verdict.Populate : Verdict.Hit;
    }

    private static Verdict DecideEmpty(AddressSpace mm, Vma vma, long head, Entry entry, AccessKind kind, ref FaultFlags flags)
    {
        switch (entry.Kind)
        {
            case EntryKind.Poison:
                return Verdict.Bus;
            // Swapped out: neither missing nor minor, whatever the modes and the file are.
            case EntryKind.Anon:
            // A marker that outlived its registration is dropped first, whatever the access ends in.
            case EntryKind.WpMarker when !vma.HasWp && !vma.IsHuge:
                return Verdict.Populate;
        }

        if (vma.File is not { } file)
            return vma.HasMissing ? Deliver(vma, FaultFlags.None, kind, ref flags) : Verdict.Populate;

        if (entry.Kind == EntryKind.None && FaultAround.Applies(vma, kind) && FaultAround.HasWork(mm, vma, head)) return Verdict.Populate;
        long index = vma.FileIndexOf(head);
        bool isCached = file.SlotAt(index).IsPresent;
        // hugetlb asks for the end of the file only where it has no page; fallocate can leave one behind the last whole page.
        if (index >= file.EndIndex && !(vma.IsHuge && isCached)) return Verdict.Bus;
        if (isCached)
            return vma.HasMinor ? Deliver(vma, FaultFlags.Minor, kind, ref flags) : Verdict.Populate;
        return vma.HasMissing ? Deliver(vma, FaultFlags.None, kind, ref flags) : Verdict.Populate;
    }

    private static Verdict Deliver(Vma vma, FaultFlags reason, AccessKind kind, ref FaultFlags flags)
    {
        var context = vma.Context!;
        if ((context.Features & UffdFeatures.Sigbus) != 0) return Verdict.Bus;
        if ((kind & AccessKind.Kernel) != 0 && context.IsUserModeOnly) return Verdict.Bus;
        flags = reason | ((kind & AccessKind.Write) != 0 ? FaultFlags.Write : FaultFlags.None);
        return Verdict.Deliver;
    }
}

/// <summary>
/// Fault-around: a read fault also maps the cached neighbours in an aligned window, at no further cost. It comes before the userfault
/// decision, so it happens even if the access then blocks or gets SIGBUS (SEMANTICS 4.7).
/// </summary>
internal static class FaultAround
{
    /// <summary>True for a read of memory that does it, registered for neither WP nor MINOR.</summary>
    public static bool Applies(Vma vma, AccessKind kind) =>
        (kind & AccessKind.Write) == 0
        && (vma.Modes & (RegisterModes.WriteProtect | RegisterModes.Minor)) == 0
        && vma.File is { Module.HasFaultAround: true }
        && vma.Owner.Mm.Machine.Profile.FaultAroundBytes > 0;

    /// <summary>True if there is a page in the window that would be mapped.</summary>
    public static bool HasWork(AddressSpace mm, Vma vma, long page)
    {
        PageRange window = WindowOf(vma, page);
        for (long at = window.Start; at < window.End; at++)
        {
            if (IsMappable(mm, vma, at, out _)) return true;
        }

        return false;
    }

    /// <summary>Maps what can be mapped. In a turn of the VMA's owner.</summary>
    public static void Run(AddressSpace mm, Vma vma, long page)
    {
        PageRange window = WindowOf(vma, page);
        for (long at = window.Start; at < window.End; at++)
        {
            if (IsMappable(mm, vma, at, out CacheSlot slot)) mm.SetEntry(at, Entry.File(slot.Folio));
        }
    }

    private static bool IsMappable(AddressSpace mm, Vma vma, long page, out CacheSlot slot)
    {
        slot = default;
        if (mm.EntryAt(page).Word != 0) return false;
        slot = vma.File!.SlotAt(vma.FileIndexOf(page));
        return slot.IsUpToDate;
    }

    /// <summary>
    /// From the start of the aligned window or of the mapping, whichever is later, on for as many pages as a window has; within the
    /// mapping, the file, and the page-table page of the access.
    /// </summary>
    private static PageRange WindowOf(Vma vma, long page)
    {
        long pages = vma.Owner.Mm.Machine.Profile.FaultAroundBytes >> PageSize.BaseShift;
        long start = Math.Max(page & ~(pages - 1), vma.Range.Start);
        long tableEnd = (page | ((1L << WordTable.LeafBits) - 1)) + 1;
        long fileEnd = vma.Range.Start - vma.Offset + vma.File!.EndIndex;
        return new PageRange(start, Math.Min(Math.Min(start + pages, tableEnd), Math.Min(fileEnd, vma.Range.End)));
    }
}
