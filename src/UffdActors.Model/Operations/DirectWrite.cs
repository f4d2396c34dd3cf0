using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Paging;

namespace UffdActors.Model.Operations;

/// <summary>A thread's own write to memory that is mapped and writable: no fault, no message, like a memcpy that hits the TLB.</summary>
internal static class DirectWrite
{
    /// <summary>Copies native bytes to an address. In a turn of the thread.</summary>
    /// <param name="caller">Thread.</param>
    /// <param name="address">Destination in the thread's address space.</param>
    /// <param name="source">Native memory.</param>
    /// <param name="length">Bytes.</param>
    /// <returns>Bytes written; fewer than asked if the next page would have faulted.</returns>
    public static long TryWrite(Caller caller, ulong address, nint source, long length)
    {
        ArgumentNullException.ThrowIfNull(caller);
        long done = 0;
        while (done < length)
        {
            ulong at = address + (ulong)done;
            long page = PageSize.PageOf(at);
            caller.Guard.Hold(page);
            if (Mmu.Decide(caller.Mm, page, AccessKind.Write, out Vma? vma, out Entry entry, out _) != Verdict.Hit)
            {
                caller.Guard.Release();
                return done;
            }

            int offset = (int)(at & (ulong)(vma!.PageBytes - 1));
            int count = (int)Math.Min(length - done, vma.PageBytes - offset);
            vma.Store.CopyIn(entry.Folio, offset, source + (nint)done, count);
            caller.Guard.Release();
            done += count;
        }

        return done;
    }
}
