using UffdActors.Abi;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Paging;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Model.Operations.Maps;

/// <summary>Shared code of the calls that change the map of an address space: unmapping, and the events that unmapping raises.</summary>
internal abstract class MapCall : ControlOperation
{
    private protected MapCall(Caller caller)
        : base(caller) => Mm = caller.Mm;

    /// <summary>The address space: the caller's.</summary>
    public AddressSpace Mm { get; }

    /// <summary>True while the thread sleeps because its event has not been read.</summary>
    public bool IsWaitingForReader { get; private set; }

    /// <summary>The pages that madvise(2) is about; false for what it refuses with EINVAL.</summary>
    private protected static bool TryRange(ulong address, ulong bytes, out PageRange range)
    {
        ulong length = (bytes + PageSize.Base - 1) & ~(ulong)(PageSize.Base - 1);
        range = default;
        if (address % PageSize.Base != 0 || (bytes != 0 && length == 0) || address + length < address) return false;
        range = PageRange.OfBytes(address, length);
        return true;
    }

    /// <summary>
    /// Unmaps a range, in a turn of the address space that has its lock; ends in one. Every context that enabled EVENT_UNMAP gets an event,
    /// to be completed by <see cref="Complete(List{UnmapEvent})"/> once the lock is released, whether the call succeeds or not.
    /// </summary>
    /// <remarks>
    /// A hugetlb mapping cannot be split inside a huge page: EINVAL. The kernel goes from start to end. When it fails to split at the end,
    /// it has already split at the start and raised the events of all VMAs but the last; both stay.
    /// </remarks>
    private protected IEnumerable<Owner?> Unmap(PageRange range, List<UnmapEvent> events)
    {
        Vma[] gone = Mm.Map.In(range).ToArray();
        if (gone.Length == 0) yield break;
        if (!gone[0].CanSplitAt(range.Start))
        {
            Error = Errno.EINVAL;
            yield break;
        }

        bool endsInHugePage = !gone[^1].CanSplitAt(range.End);
        foreach (Vma vma in endsInHugePage ? gone[..^1] : gone)
        {
            if (vma.Context is not UserfaultContext context || (context.Features & UffdFeatures.EventUnmap) == 0) continue;
            UnmapEvent unmap = new(context, range);
            // One event a context and range, however many VMAs are unmapped.
            if (events.Contains(unmap)) continue;
            context.BeginChange();
            events.Add(unmap);
        }

        List<VmaOwner> held = [];
        foreach (Owner? next in Hold(Mm, range, held)) yield return next;
        MapEdit edit = new(Mm);
        if (endsInHugePage)
        {
            edit.Split(range.Start);
            _ = edit.Publish();
            foreach (Owner? next in Release(Mm, held)) yield return next;
            Error = Errno.EINVAL;
            yield break;
        }

        edit.Change(range, _ => null);
        _ = edit.Publish();
        foreach (Owner? next in AwaitGuards(Mm, range)) yield return next;
        foreach (Vma vma in gone)
        {
            Zap.Run(vma, vma.Range.Intersect(range), ZapCause.Unmap);
            ForgetMapping(vma.File);
        }

        Mm.PageTables.FreeUnmapped(range, Mm.Map);
        foreach (Owner? next in Release(Mm, held)) yield return next;
    }

    /// <summary>Waits until each unmap event has been read, one after the other.</summary>
    private protected IEnumerable<Owner?> Complete(List<UnmapEvent> events)
    {
        foreach (UnmapEvent unmap in events)
        {
            ContextEvent contextEvent = new(
                UffdEvent.Unmap, PageSize.AddressOf(unmap.Range.Start), PageSize.AddressOf(unmap.Range.End), 0, null, this);
            foreach (Owner? next in Await(unmap.Context, contextEvent)) yield return next;
        }
    }

    /// <summary>
    /// Makes sure that no fill is under way (RING R4), queues an event whose epoch has been raised, and sleeps until it is read.
    /// </summary>
    private protected IEnumerable<Owner?> Await(UserfaultContext context, ContextEvent contextEvent)
    {
        yield return Mm;
        foreach (Owner? next in Fence(Mm)) yield return next;
        IsWaitingForReader = true;
        foreach (Owner? next in AwaitRead(context, contextEvent)) yield return next;
        IsWaitingForReader = false;
    }

    /// <summary>A VMA of a file is gone: with the last one, the address space is removed from the file's list.</summary>
    private protected void ForgetMapping(MemoryFile? file)
    {
        if (file is null) return;
        foreach (Vma vma in Mm.Map.Vmas)
        {
            if (vma.File == file) return;
        }

        file.RemoveMapper(Mm);
    }

    /// <summary>An unmap event that has been announced.</summary>
    private protected sealed record UnmapEvent(UserfaultContext Context, PageRange Range);
}
