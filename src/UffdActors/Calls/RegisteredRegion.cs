using System.Numerics;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Calls;

/// <summary>A region that is registered with a userfaultfd: what is known of its pages, and what the ring is to do with them.</summary>
/// <param name="Region">The region.</param>
/// <param name="Modes">The modes that it is registered in.</param>
/// <param name="Ioctls">What the kernel reports for it.</param>
/// <param name="Pages">What is known of its pages.</param>
internal sealed record RegisteredRegion(GuestRegion Region, RegisterModes Modes, UffdIoctls Ioctls, RegionPages Pages)
{
    /// <summary>Pages that are there.</summary>
    public PageBitmap Received => Pages.Received;

    /// <summary>What has lost its content without a write; null where no dirty set is kept.</summary>
    public ZeroedPages? Zeroed { get; } = (Modes & RegisterModes.WriteProtect) != 0 ? new ZeroedPages(Region.Pages) : null;

    /// <summary>True if its pages come from a source; where only writes are watched, memory is as it is.</summary>
    public bool IsFilled => (Modes & (RegisterModes.Missing | RegisterModes.Minor)) != 0;

    /// <summary>
    /// True if a thread that waits for a page of it, and is woken without one, reads zeros: there is a hole, or a page of the cache whose
    /// content is still to come.
    /// </summary>
    public bool IsReadAsZeros =>
        IsFilled && !Region.IsUnmapped && !Region.IsFilled && ((Modes & RegisterModes.Missing) != 0 || Region.ComesThrough is not null);

    /// <summary>Base pages of a page of its memory.</summary>
    public int Unit => Region.PageBytes >> PageSize.BaseShift;

    /// <summary>What a call has poisoned from a page on.</summary>
    public void Poison(long page, IoctlResult result)
    {
        if (result.BytesDone > 0) Pages.Poison(page, result.BytesDone >> PageSize.BaseShift);
    }

    /// <summary>What a call has moved in from a page on: the embedder's content, and not the source's.</summary>
    /// <param name="page">First base page.</param>
    /// <param name="result">What the call has done.</param>
    /// <param name="isThere">True if a page is there; null if all that were moved are.</param>
    public void MoveIn(long page, IoctlResult result, Func<long, bool>? isThere)
    {
        long end = page + (result.BytesDone >> PageSize.BaseShift);
        while (page < end)
        {
            long next = isThere is null ? end : page + 1;
            if (isThere?.Invoke(page) != false)
            {
                Received.Set(page, next - page);
                Pages.Write(page, next - page);
            }

            page = next;
        }
    }

    /// <summary>What the ring is to serve: one range, or several if parts have been unregistered.</summary>
    public IReadOnlyList<ServedRegion> Served()
    {
        long first = PageSize.PageOf(Region.Address);
        bool isMinor = (Modes & RegisterModes.Minor) != 0;
        AliasPages? alias = isMinor ? Region.ComesThrough : null;
        ResolveBy by = !isMinor ? ResolveBy.Copy : alias is null ? ResolveBy.ContinueAsIs : ResolveBy.Continue;
        bool isProtected = (Modes & RegisterModes.WriteProtect) != 0;
        bool keepsHoles = Region.Module is not null && !Region.IsFilled && !isProtected && (Modes & RegisterModes.Missing) != 0
            && (Region.AliasAddress == 0 || Region.IsAliasEmpty);
        return [
            .. Region.Unregistered.Others(new PageRange(0, Region.Pages)).Select(
                part => new ServedRegion(
                    Region.Id, new PageRange(first + part.Start, first + part.End), first, by, Pages, alias,
                    BitOperations.Log2((uint)Region.PageBytes), isProtected)
                {
                    Zeroed = Zeroed,
                    CopiesHoles = by == ResolveBy.ContinueAsIs && (Modes & RegisterModes.Missing) != 0,
                    KeepsHoles = keepsHoles,
                })];
    }

    /// <summary>Tells what has become of removed pages.</summary>
    public RemovedPages Removed(GuestReader reader)
    {
        RemovalTerms terms = new(
            Region.Module is not null, (Modes & RegisterModes.Missing) != 0, (Modes & RegisterModes.Minor) != 0,
            (Modes & RegisterModes.WriteProtect) != 0, Unit);
        return new RemovedPages(Pages, terms, page => reader.Look(Region, page));
    }

    /// <summary>Takes what has lost its content without a write since it was asked for last.</summary>
    /// <param name="range">Base pages of the region.</param>
    /// <param name="newReader">Makes a reader of guest memory, if one is needed.</param>
    public List<PageRange> TakeZeroed(PageRange range, Func<GuestReader> newReader)
    {
        if (Zeroed is not { } zeroed) return [];
        GuestReader? reader = null;
        return zeroed.Take(range, RemovalOf);

        Removal RemovalOf(long page)
        {
            reader ??= newReader();
            if (Region.Module is null) return reader.IsThere(Region, page) ? Removal.MayCome : Removal.Done;
            return ZeroedPages.RemovalOfShared(Pages, page, reader.Look(Region, page)?.Content, (Modes & RegisterModes.Missing) != 0);
        }
    }

    /// <summary>Pages that are to be filled and are not there. What has been unmapped, or unregistered, does not count.</summary>
    /// <param name="view">What is served.</param>
    /// <param name="range">Pages of the region that count.</param>
    public long AbsentPages(RegionView view, PageRange range)
    {
        if (!IsFilled || Region.IsUnmapped) return 0;
        PageRange[] parts = [
            .. view.Regions.Where(r => r.Id == Region.Id)
                .Select(r => new PageRange(r.PageOf(r.Range.Start), r.PageOf(r.Range.End)).Intersect(range)).Where(r => !r.IsEmpty)];
        if (parts.Sum(p => p.Count) == Received.Pages) return Pages.CountAbsent(Unit);
        long absent = 0;
        foreach (PageRange part in parts)
        {
            for (long page = Pages.NextAbsent(part.Start, Unit); page < part.End; page = Pages.NextAbsent(page + Unit, Unit))
                absent += Unit;
        }

        return absent;
    }

    /// <summary>Refuses to serve a region some of whose absent pages would raise no fault.</summary>
    /// <remarks>
    /// A page that is not in the cache raises no MINOR fault, and one that is there no MISSING fault: where only the wrong one of the two
    /// is registered, pages that the source has never been asked for are read as zeros.
    /// </remarks>
    /// <exception cref="InvalidOperationException">Pages would be read as zeros.</exception>
    public void ThrowIfReadAsZeros()
    {
        RegisterModes modes = Modes & (RegisterModes.Missing | RegisterModes.Minor);
        bool hasAlias = Region.AliasAddress != 0;
        if (Region.IsFilled || modes != (hasAlias ? RegisterModes.Missing : RegisterModes.Minor)) return;
        string options = Region.IsAdopted ? nameof(AdoptedMemory) : nameof(RegionOptions);
        string why = hasAlias
            ? "MISSING without MINOR and has an alias: its page cache was allocated in full for that, so its pages would be read as zeros"
            : "MINOR alone and has no alias: pages that are not in its page cache would be read as zeros";
        string how = (hasAlias, Region.IsAdopted) switch
        {
            (true, true) => $"Register it for MINOR, or adopt it without its descriptor ({options}.{nameof(AdoptedMemory.Descriptor)})",
            (true, false) => $"Register it for MINOR, or map it without {options}.{nameof(RegionOptions.WithAlias)}",
            (false, true) => "Register it for MISSING as well, adopt it with its descriptor",
            (false, false) => $"Register it for MISSING as well, map it {nameof(RegionOptions.WithAlias)}",
        };
        if (!hasAlias) how += $", or say that its page cache holds all content already ({options}.{nameof(RegionOptions.IsFilled)})";
        throw new InvalidOperationException($"Region {Region.Id} ({Region.Module}) is registered for {why}, without a fault. {how}.");
    }
}
