using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Paging;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Operations.Files;

/// <summary>
/// Takes pages out of a file (RING R5): first the slots are emptied, then every mapping of them is zapped and has acknowledged, and only
/// then the folios are freed.
/// </summary>
internal static class FileZap
{
    /// <summary>Punches a hole. Pages at its edges that it does not cover are zeroed as far as it goes, not removed.</summary>
    /// <param name="call">The call that does it.</param>
    /// <param name="file">The file.</param>
    /// <param name="offset">First byte of the hole.</param>
    /// <param name="end">The byte behind it.</param>
    public static IEnumerable<Owner?> Punch(ControlOperation call, MemoryFile file, long offset, long end)
    {
        int shift = file.PageShift;
        long first = (offset + (1L << shift) - 1) >> shift;
        long last = end >> shift;
        ZeroPart(file, offset, Math.Min(end, first << shift));
        if (last >= first) ZeroPart(file, last << shift, end);
        if (first < last) return Take(call, file, first, last, ZapCause.Punch);
        // shmem computes the last byte of the whole pages in the hole. For a hole that ends inside the first page of the file that is -1,
        // taken as unsigned: all pages behind are unmapped, and stay in the file.
        return last == 0 && shift == PageSize.BaseShift ? Unmap(call, file, first, WordTable.Length, ZapCause.Punch) : [];
    }

    /// <summary>Removes everything from a page of the file on.</summary>
    public static IEnumerable<Owner?> Truncate(ControlOperation call, MemoryFile file, long firstIndex) =>
        Take(call, file, firstIndex, WordTable.Length, ZapCause.Truncate);

    private static IEnumerable<Owner?> Take(ControlOperation call, MemoryFile file, long first, long end, ZapCause cause)
    {
        List<uint> folios = [];
        for (long index = file.NextPage(first, end); index < end; index = file.NextPage(index + 1, end))
        {
            CacheSlot slot = file.Remove(index);
            if (slot.IsPresent) folios.Add(slot.Folio);
        }

        foreach (Owner? next in Unmap(call, file, first, end, cause)) yield return next;
        foreach (uint folio in folios) file.Store.Free(folio);
    }

    /// <summary>Takes pages of a file out of every mapping.</summary>
    private static IEnumerable<Owner?> Unmap(ControlOperation call, MemoryFile file, long first, long end, ZapCause cause)
    {
        // A fork under way holds the parent's mmap_lock; the child is looked for after that lock is released.
        List<AddressSpace> visited = [];
        while (file.Mappers.FirstOrDefault(m => !visited.Contains(m)) is { } mm)
        {
            visited.Add(mm);
            foreach (Owner? next in call.Lock(mm)) yield return next;
            foreach (Vma vma in mm.Map.Vmas.ToArray())
            {
                if (vma.File != file || Overlap(vma, first, end) is not { IsEmpty: false } part) continue;
                yield return vma.Owner;
                Zap.Run(vma, part, cause);
                while (mm.Guards.AnyIn(part)) yield return vma.Owner;
                vma.Owner.Settle();
            }

            yield return mm;
            mm.Unlock();
            mm.RetrySpinning();
        }
    }

    private static PageRange Overlap(Vma vma, long firstIndex, long endIndex)
    {
        int shift = vma.PageShift - PageSize.BaseShift;
        long start = vma.Range.Start - vma.Offset + (firstIndex << shift);
        long end = endIndex >= WordTable.Length ? vma.Range.End : vma.Range.Start - vma.Offset + (endIndex << shift);
        return vma.Range.Intersect(new PageRange(start, end));
    }

    /// <summary>Zeroes a part of one page, if the page is there.</summary>
    /// <param name="file">The file.</param>
    /// <param name="start">First byte.</param>
    /// <param name="end">The byte behind the last, in the same page or at its end; nothing is done where it is the first.</param>
    public static void ZeroPart(MemoryFile file, long start, long end)
    {
        if (start >= end || file.SlotAt(start >> file.PageShift) is not { IsPresent: true, Folio: var folio }) return;
        file.Store.CopyPart(ref folio, (int)(start & ((1L << file.PageShift) - 1)), file.Store, FolioStore.None, 0, (int)(end - start));
    }
}
