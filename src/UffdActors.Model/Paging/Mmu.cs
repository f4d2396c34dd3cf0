using System.Runtime.CompilerServices;
using UffdActors.Abi;
using UffdActors.Model.Mapping;

namespace UffdActors.Model.Paging;

/// <summary>
/// The fault decision: a function of published state alone (SEMANTICS 4.2, 4.6, 4.7). It is made by the thread, again by the context when
/// the fault is queued (RING R1), and by the VMA's owner before it populates.
/// </summary>
internal static class Mmu
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
        if (entry.StopsWrites)
        {
            if (vma.HasWp)
            {
                if ((vma.Context!.Features & UffdFeatures.WpAsync) != 0) return Verdict.Populate;
                return Deliver(vma, FaultFlags.Wp, kind, ref flags);
            }

            // A write makes a base page with a stale bit writable; the huge-page handler repeats the fault for ever.
            return vma.IsHuge ? Verdict.Spin : Verdict.Populate;
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
            // A marker left from an earlier registration is dropped first, whatever the result of the access.
            case EntryKind.WpMarker when !vma.HasWp && !vma.IsHuge:
                return Verdict.Populate;
        }

        if (vma.File is not { } file)
            return vma.HasMissing ? Deliver(vma, FaultFlags.None, kind, ref flags) : Verdict.Populate;

        if (entry.Kind == EntryKind.None && FaultAround.Applies(vma, kind) && FaultAround.HasWork(mm, vma, head)) return Verdict.Populate;
        long index = vma.FileIndexOf(head);
        bool isCached = file.SlotAt(index).IsPresent;
        // hugetlb checks the end of the file only where it has no page; fallocate can leave one behind the last whole page.
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
