using UffdActors.Model.Mapping;
using UffdActors.Model.Paging;
using UffdActors.Model.Turns;

namespace UffdActors.Model.Operations.Userfaultfd;

/// <summary>
/// PAGEMAP_SCAN of PAGE_IS_WRITTEN with WP_MATCHING and CHECK_WPASYNC: finds the pages of a range that are not write-protected, that is,
/// those written since they were protected, and protects them again in the same turn. Without these two flags it only looks.
/// </summary>
/// <remarks>
/// A scan without these flags needs no write protection, and finds pages that are present or in swap; an empty entry is
/// reported only if it is asked for.
/// As in the kernel an empty entry without a marker counts as written, but for huge pages; and a VMA without asynchronous write protection
/// ends the call with EPERM, with the VMAs before it protected.
/// </remarks>
internal sealed class ScanWritten : ControlOperation
{
    private readonly PageRange _range;
    private readonly bool _protect;
    private readonly bool _withEmpty;
    private readonly List<PageRange> _found = [];

    /// <summary>Makes the call.</summary>
    /// <param name="caller">Thread of the process whose memory it is.</param>
    /// <param name="range">Pages to look at.</param>
    /// <param name="protect">False to look only.</param>
    /// <param name="withEmpty">Looking only, an empty entry counts as written all the same.</param>
    public ScanWritten(Caller caller, PageRange range, bool protect = true, bool withEmpty = false)
        : base(caller)
    {
        _range = range;
        _protect = protect;
        _withEmpty = protect || withEmpty;
    }

    /// <summary>The written ranges, ascending and merged where adjacent; empty if the call failed.</summary>
    public IReadOnlyList<PageRange> Found => Error == Errno.None ? _found : [];

    private protected override IEnumerable<Owner?> Stages()
    {
        AddressSpace mm = Caller.Mm;
        foreach (Owner? next in Lock(mm)) yield return next;
        foreach (Vma vma in mm.Map.In(_range).ToArray())
        {
            if (_protect && (!vma.HasWp || (vma.Context!.Features & UffdFeatures.WpAsync) == 0))
            {
                Error = Errno.EPERM;
                break;
            }

            PageRange part = vma.Range.Intersect(_range);
            yield return vma.Owner;
            Scan(vma, part);
            // Wait for threads in the middle of a write: none may write after the page was protected (RING R8).
            while (_protect && mm.Guards.AnyIn(part)) yield return vma.Owner;
        }

        yield return mm;
        mm.Unlock();
    }

    private void Scan(Vma vma, PageRange range)
    {
        AddressSpace mm = vma.Owner.Mm;
        for (long page = range.Start; page < range.End;)
        {
            Entry entry = new(mm.Entries.Run(page, range.End, out long length));
            long count = vma.IsHuge ? vma.Stride : length;
            if (_withEmpty
                ? !entry.IsWp && entry.Kind != EntryKind.WpMarker && !(vma.IsHuge && entry.Kind == EntryKind.None)
                : entry.HoldsPage && !entry.IsWp)
            {
                PageRange written = new(page, page + count);
                if (_protect) Protection.Change(vma, written, protect: true);
                if (_found.Count > 0 && _found[^1].End == page) _found[^1] = _found[^1] with { End = written.End };
                else _found.Add(written);
            }

            page += count;
        }
    }
}
