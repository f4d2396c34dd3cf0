using UffdActors.Linux.Memory;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Worlds;

namespace UffdActors.Linux.Live;

/// <summary>The pages of a process that were written, as PAGEMAP_SCAN tells.</summary>
internal static class WrittenPages
{
    private const int RangesPerCall = 256;

    /// <summary>Finds what was written in a range of a process, and protects it again where that is asked for.</summary>
    /// <exception cref="UffdException">The kernel refuses, or the process is gone.</exception>
    public static IReadOnlyList<PageRange> Scan(ProcessMemory process, ulong start, ulong end, bool protect, bool withEmpty)
    {
        ulong first = start;
        DirtyRange[] room = new DirtyRange[RangesPerCall];
        List<PageRange> written = [];
        while (start < end)
        {
            int found;
            ulong next;
            try
            {
                found = process.Pagemap.ScanWritten(start, end, protect, withEmpty, room, out next);
            }
            catch (SyscallException e)
            {
                throw new UffdException("PAGEMAP_SCAN", e.Error, KernelErrors.Explain("PAGEMAP_SCAN", e.Error), e);
            }

            for (int i = 0; i < found; i++) written.Add(new PageRange(PageSize.PageOf(room[i].Start), PageSize.PageOf(room[i].End)));
            // The kernel stops in front of a huge page of which only a part lies in the range: it cannot protect that part.
            if (next <= start)
                throw new UffdException(
                    "PAGEMAP_SCAN", Errno.EINVAL, $"the range 0x{start:x}-0x{end:x} begins or ends inside a huge page; name whole pages.");
            start = next;
        }

        // An address space that has ended has nothing in it, and the scan finds nothing wrong with that.
        process.ThrowIfGone(first);
        return written;
    }
}
