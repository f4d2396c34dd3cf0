using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Paging;

namespace UffdActors.Model.Operations.Filling;

/// <summary>
/// The page that a COPY reads from its caller's own memory (RING R7): a private folio that fills up, byte range by byte range, and the
/// access by which the source is faulted in where it is absent.
/// </summary>
internal struct SourcePage
{
    /// <summary>The folio that is filled; none if there is none, or when it has been handed on.</summary>
    public uint Folio;

    /// <summary>Bytes read so far.</summary>
    public int Loaded;

    /// <summary>The access in which the call sleeps; null if it does not sleep.</summary>
    public Access? Access { get; private set; }

    /// <summary>True while the access is started: if it ends in the same turn, the call needs no step of its own to see it.</summary>
    public bool IsStepping { get; private set; }

    /// <summary>Begins anew, with nothing.</summary>
    public void Forget()
    {
        Folio = FolioStore.None;
        Loaded = 0;
    }

    /// <summary>The access that the call slept in has ended: true if it ended in an error.</summary>
    public bool HasFailed()
    {
        bool failed = Access is { IsFinished: true, Outcome: not AccessOutcome.Ok };
        Access = null;
        return failed;
    }

    /// <summary>Takes a folio of zeros for a page; of a huge page only if the page may be filled at all.</summary>
    public Errno Allocate(Vma vma, long page)
    {
        if (vma.IsHuge && HugeConflict(vma, page) is var conflict and not Errno.None) return conflict;
        Folio = vma.Store.AllocateZeroed();
        if (Folio != FolioStore.None || !vma.Store.HasIdentity) return Errno.None;
        return vma.IsHuge ? Errno.EEXIST : Errno.ENOMEM;
    }

    /// <summary>Reads on, until the page is full or the thread sleeps (<see cref="Access"/>). In a turn of the caller.</summary>
    /// <param name="fill">The call.</param>
    /// <param name="vma">The destination's mapping.</param>
    /// <param name="source">Address of the page's first byte.</param>
    /// <returns>Success, or EFAULT where the source cannot be read.</returns>
    public Errno Read(Fill fill, Vma vma, ulong source)
    {
        while (Loaded < vma.PageBytes)
        {
            ulong address = source + (ulong)Loaded;
            if (TryCopy(fill.Caller, vma, address)) continue;

            // The kernel repeats the copy with its locks dropped: now the source page is faulted in like any other.
            Access access = new(fill.Caller) { Parent = fill };
            access.Begin(address, AccessKind.Read | AccessKind.Kernel);
            IsStepping = true;
            access.Step();
            IsStepping = false;
            if (!access.IsFinished)
            {
                Access = access;
                return Errno.None;
            }

            if (access.Outcome != AccessOutcome.Ok) return Errno.EFAULT;
        }

        return Errno.None;
    }

    /// <summary>Gives the folio back.</summary>
    /// <param name="vma">The destination's mapping; null only if there is no folio.</param>
    public void Free(Vma? vma)
    {
        if (Folio != FolioStore.None) vma!.Store.Free(Folio);
        Forget();
    }

    private bool TryCopy(Caller caller, Vma vma, ulong address)
    {
        long page = PageSize.PageOf(address);
        caller.Guard.Hold(page);
        bool hit = Mmu.Decide(caller.Mm, page, AccessKind.Read | AccessKind.Kernel, out Vma? from, out Entry entry, out _) == Verdict.Hit;
        if (hit)
        {
            int offset = (int)(address & (ulong)(from!.PageBytes - 1));
            int length = Math.Min(vma.PageBytes - Loaded, from.PageBytes - offset);
            uint folio = entry.Kind == EntryKind.Zero ? FolioStore.None : entry.Folio;
            vma.Store.CopyPart(ref Folio, Loaded, from.Store, folio, offset, length);
            Loaded += length;
        }

        caller.Guard.Release();
        return hit;
    }

    private static Errno HugeConflict(Vma vma, long page)
    {
        if (vma.Owner.Mm.EntryAt(page).IsPresent) return Errno.EEXIST;
        return vma.IsShared && vma.File!.SlotAt(vma.FileIndexOf(page)).IsPresent ? Errno.EEXIST : Errno.None;
    }
}
