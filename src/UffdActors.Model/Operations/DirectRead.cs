using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Operations;

/// <summary>A thread's own read of memory that is mapped: no fault, no message, like a memcpy that hits the TLB.</summary>
public static class DirectRead
{
    /// <summary>Copies a page out. In a turn of the thread.</summary>
    /// <param name="caller">Thread.</param>
    /// <param name="page">Base page of the thread's address space.</param>
    /// <param name="destination">Where the bytes go; at most a page.</param>
    /// <returns>False if reading would fault; then nothing was written.</returns>
    public static bool TryReadPage(Caller caller, long page, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(caller);
        caller.Guard.Hold(page);
        bool hit = Mmu.Decide(caller.Mm, page, AccessKind.Read, out Vma? vma, out Entry entry, out _) == Verdict.Hit;
        if (hit && entry.Kind == EntryKind.Zero) destination.Clear();
        else if (hit) vma!.Store.CopyOut(entry.Folio, (int)(page - vma.HeadOf(page)) << PageSize.BaseShift, destination);
        caller.Guard.Release();
        return hit;
    }
}
