using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Operations.Files;

/// <summary>
/// Takes pages out of a file (rule R5): first the slots are emptied, then every mapping of them is zapped and has acknowledged, and only
/// then the folios are freed.
/// </summary>
internal static class FileZap
{
    /// <summary>Punches a hole. Partial huge pages at the edges are zeroed, not removed.</summary>
    /// <param name="call">The call that does it.</param>
    /// <param name="file">The file.</param>
    /// <param name="hole">Range of the file in base pages.</param>
    public static IEnumerable<Owner?> Punch(ControlOperation call, MemoryFile file, PageRange hole)
    {
        long stride = 1L << (file.PageShift - PageSize.BaseShift);
        long first = (hole.Start + stride - 1) / stride;
        long end = hole.End / stride;
        if (stride > 1) ZeroPartial(file, hole, stride);
        return first < end ? Take(call, file, first, end, ZapCause.Punch) : [];
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

        foreach (AddressSpace mm in file.Mappers)
        {
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

        foreach (uint folio in folios) file.Store.Free(folio);
    }

    private static PageRange Overlap(Vma vma, long firstIndex, long endIndex)
    {
        int shift = vma.PageShift - PageSize.BaseShift;
        long start = vma.Range.Start - vma.Offset + (firstIndex << shift);
        long end = endIndex >= WordTable.Length ? vma.Range.End : vma.Range.Start - vma.Offset + (endIndex << shift);
        return vma.Range.Intersect(new PageRange(start, end));
    }

    private static void ZeroPartial(MemoryFile file, PageRange hole, long stride)
    {
        for (long page = hole.Start; page < hole.End;)
        {
            long index = page / stride;
            long next = Math.Min(hole.End, (index + 1) * stride);
            CacheSlot slot = file.SlotAt(index);
            if (slot.IsPresent && next - page < stride)
            {
                uint folio = slot.Folio;
                file.Store.CopyPart(
                    ref folio, (int)(page % stride) << PageSize.BaseShift, file.Store, FolioStore.None, 0, (int)(next - page) << PageSize.BaseShift);
            }

            page = next;
        }
    }
}
