using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Failures;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Worlds;

namespace UffdActors.Calls;

/// <summary>
/// Calls of the embedder over ranges of the regions of one userfaultfd, and what each of them means for what is known of the pages. The
/// facade has checked the arguments. Safe for any thread.
/// </summary>
/// <param name="root">The VM's root.</param>
/// <param name="machine">The VM's kernel.</param>
/// <param name="kernel">The userfaultfd.</param>
/// <param name="registered">Its regions.</param>
/// <param name="calls">Makes calls in slices, one after another.</param>
/// <param name="service">What serves it.</param>
internal sealed class UserfaultRanges(
    VmRoot root, VmKernel machine, KernelUserfault kernel, RegisteredRegions registered, SlicedCalls calls, UserfaultService service)
{
    private const string Unregister = "UFFDIO_UNREGISTER";

    /// <summary>UFFDIO_REGISTER, in its turn.</summary>
    /// <exception cref="UffdException">The kernel refuses.</exception>
    /// <exception cref="InvalidOperationException">It is registered already, or cannot be served.</exception>
    public async Task<UffdIoctls> RegisterAsync(GuestRegion region, RegisterModes modes, CancellationToken cancel)
    {
        ThrowIfUnusable(region);
        if (registered.TryFind(region) is not null)
            throw new InvalidOperationException(
                $"Region {region.Id} is registered with this userfaultfd already; unregister it first to register it in other modes.");
        cancel.ThrowIfCancellationRequested();
        bool isServing = service.Reader is not null;
        RegisteredRegion known = new(region, modes, UffdIoctls.None, new RegionPages(region.Pages));
        if ((modes & RegisterModes.Minor) != 0 && region.AliasAddress != 0 && !region.IsFilled)
            region.ComesThrough = new AliasPages(PageSize.PageOf(region.AliasAddress), region.Pages, region.Written);
        try
        {
            if (isServing) await service.BeginServingAsync(known);
            // What the reader knows is not left half done.
            known = known with { Ioctls = await kernel.RegisterAsync(region, modes, isServing ? CancellationToken.None : cancel) };
            if (isServing) await TakeUpAsync(known);
        }
        catch (Exception e)
        {
            region.ComesThrough = null;
            if (isServing) await service.ForgetAsync(region, new PageRange(0, region.Pages));
            if (e is UffdException && kernel.Owner.Look()) throw kernel.Owner.Refusal("UFFDIO_REGISTER", e);
            throw;
        }

        registered.Set(known);
        return known.Ioctls;
    }

    /// <summary>UFFDIO_UNREGISTER, in its turn.</summary>
    /// <exception cref="UffdException">The kernel refuses.</exception>
    /// <exception cref="InvalidOperationException">Pages are absent.</exception>
    public async Task UnregisterAsync(GuestRegion region, PageRange range, CancellationToken cancel)
    {
        ThrowIfUnusable(region);
        RegisteredRegion known = registered.Find(region);
        await service.ThrowIfAbsentAsync(known, range, "unregistering", Unregister);
        if (known.IsReadAsZeros) service.ThrowIfWaitedFor("unregistering");
        // Without write protection the call looks at no page.
        bool cuts = (known.Modes & RegisterModes.WriteProtect) != 0;
        RangeSlices slices = cuts ? new RangeSlices(region, range, counts: false) : RangeSlices.One(region, range);
        try
        {
            IoctlResult result =
                await RunAsync(Unregister, region, slices, (part, c) => kernel.UnregisterAsync(region, part, known.Modes, c), cancel);
            if (!result.IsDone)
                throw new UffdException(
                    Unregister, result.Error,
                    $"{KernelErrors.Explain(Unregister, result.Error)}; {slices.BytesDone} of {slices.BytesInAll} bytes of region "
                        + $"{region.Id} are unregistered");
        }
        finally
        {
            long done = slices.BytesDone >> PageSize.BaseShift;
            if (done > 0) await LeaveAsync(known, range with { End = range.Start + done });
        }
    }

    // No fault comes from there any more, so what is served there later is another region.
    private async Task LeaveAsync(RegisteredRegion known, PageRange pages)
    {
        GuestRegion region = known.Region;
        region.Unregistered.Add(pages);
        await service.ForgetAsync(region, pages);
        if (region.Unregistered.Pages < region.Pages) return;
        region.ComesThrough = null;
        region.Reader = null;
        registered.Remove(region);
        region.Unregistered.Remove(new PageRange(0, region.Pages));
    }

    // A region that has just been registered while others are served.
    private async Task TakeUpAsync(RegisteredRegion known)
    {
        try
        {
            service.ThrowIfUnpoisonable(known);
        }
        catch (InvalidOperationException)
        {
            _ = await kernel.UnregisterAsync(known.Region, new PageRange(0, known.Region.Pages), known.Modes, CancellationToken.None);
            throw;
        }

        service.Serves(known);
    }

    /// <summary>UFFDIO_WRITEPROTECT.</summary>
    public Task<IoctlResult> WriteProtectAsync(
        RegisteredRegion known, PageRange range, WriteProtectModes modes, CancellationToken cancel)
    {
        RangeSlices slices = new(known.Region, range, counts: false);
        return RunAsync(
            "UFFDIO_WRITEPROTECT", known.Region, slices, (part, c) => WriteProtectPartAsync(known, part, modes, c), cancel);
    }

    /// <summary>UFFDIO_WRITEPROTECT of several ranges, to protect them.</summary>
    public async Task<IoctlResult> ProtectEachAsync(RegisteredRegion known, IReadOnlyList<PageRange> ranges, CancellationToken cancel)
    {
        IoctlResult result = await calls.RunEachAsync(
            "UFFDIO_WRITEPROTECT", known.Region, ranges, (batch, c) => ProtectBatchAsync(known, batch, c), cancel);
        ThrowIfRefused("UFFDIO_WRITEPROTECT", result);
        return result;
    }

    /// <summary>Takes what was written, and what has lost its content without a write.</summary>
    /// <exception cref="UffdException">The kernel refuses.</exception>
    public async Task<IReadOnlyList<PageRange>> TakeWrittenAsync(
        RegisteredRegion known, PageRange range, CancellationToken cancel)
    {
        GuestRegion region = known.Region;
        // First what has gone, then what was written: what goes in between is found the next time.
        List<PageRange> gone = [];
        GuestReader? reader = null;
        // A call of the guest's returns when its event has been read, which may be just before it is applied.
        await service.ReadEventsAsync();
        try
        {
            return await calls.TakeAsync(
                region,
                range,
                async (part, c) =>
                {
                    List<PageRange> here = known.TakeZeroed(part, machine.NewReader);
                    gone.AddRange(here);
                    IReadOnlyList<PageRange> written = await ScanPartsAsync(
                        region, part, (pages, address) => TakePartAsync(known, pages, address, c));
                    reader ??= machine.NewReader();
                    RemovedPages removed = known.Removed(reader);
                    foreach (PageRange found in written)
                    {
                        known.Pages.WriteFound(
                            found, known.IsFilled, page => reader.IsThere(region, page, isMapped: true), removed.IsWritten);
                    }

                    return ZeroedPages.Union(here, written);
                },
                cancel);
        }
        catch (Exception e)
        {
            foreach (PageRange part in gone) known.Zeroed!.Add(part);
            if (e is not OperationCanceledException && kernel.Owner.Look()) throw kernel.Owner.Refusal("PAGEMAP_SCAN", e);
            throw;
        }
    }

    /// <summary>What is known of pages, in slices: each at a moment of its own at which all events have been read.</summary>
    /// <exception cref="UffdException">The page table cannot be scanned.</exception>
    public async Task<IReadOnlyList<PageStateRange>> StatesAsync(RegisteredRegion known, PageRange range, CancellationToken cancel)
    {
        List<PageStateRange> states = [];
        GuestReader reader = machine.NewReader();
        // Every page is looked at, there or not, so a slice is never longer.
        IEnumerable<PageRange> slices = SlicedAdvice.Slices(known.Region, range, RangeSlices.Bytes);
        await calls.LookAsync(
            "page_states",
            slices,
            async slice =>
            {
                foreach (PageStateRange state in await StatesOfAsync(known, slice, reader, cancel)) PageStateRange.Append(states, state);
            },
            cancel);
        return states;
    }

    private async Task<IReadOnlyList<PageStateRange>> StatesOfAsync(
        RegisteredRegion known, PageRange range, GuestReader reader, CancellationToken cancel)
    {
        bool isWatched = (known.Modes & RegisterModes.WriteProtect) != 0;
        // First what is written, then what is removed: a page that goes in between is told as written, and reads as zeros.
        IReadOnlyList<PageRange> written;
        try
        {
            written = isWatched ? await FindWrittenAsync(known.Region, range, cancel) : [];
        }
        catch (UffdException e) when (kernel.Owner.Look())
        {
            throw kernel.Owner.Refusal("PAGEMAP_SCAN", e);
        }

        TaskCompletionSource<IReadOnlyList<PageStateRange>> done = root.NewCompletion<IReadOnlyList<PageStateRange>>();
        kernel.Actor.Tell(new VmProtocol.ReadStates(known.Pages, range, written, done), ActorRefs.NoSender);
        IReadOnlyList<PageStateRange> states = await root.OrFailed(done.Task.WaitAsync(cancel));
        return known.Removed(reader).ToldApart(states);
    }

    /// <summary>UFFDIO_MOVE.</summary>
    /// <param name="known">Where to.</param>
    /// <param name="to">Pages of it.</param>
    /// <param name="source">Where from.</param>
    /// <param name="from">Pages of it, as many.</param>
    /// <param name="modes">How.</param>
    /// <param name="cancel">Cancels before the first slice, and between two.</param>
    public Task<IoctlResult> MoveAsync(
        RegisteredRegion known, PageRange to, GuestRegion source, PageRange from, MoveModes modes, CancellationToken cancel)
    {
        GuestRegion destination = known.Region;
        GuestReader? reader = null;
        RangeSlices slices = new(destination, to, counts: true);
        return RunAsync(
            "UFFDIO_MOVE",
            destination,
            slices,
            async (part, c) =>
            {
                IoctlResult result =
                    await kernel.MoveAsync(destination, part, source.AddressOf(from.Start + part.Start - to.Start), modes, c);
                // A hole that counts as moved has left a hole.
                Func<long, bool>? isThere = (modes & MoveModes.AllowSourceHoles) == 0
                    ? null
                    : page => (reader ??= machine.NewReader()).IsThere(destination, page);
                known.MoveIn(part.Start, result, isThere);
                await service.SettleAsync(destination, Done(part, result));
                return result;
            },
            cancel);
    }

    /// <summary>UFFDIO_POISON.</summary>
    public Task<IoctlResult> PoisonAsync(RegisteredRegion known, PageRange range, CancellationToken cancel)
    {
        GuestRegion region = known.Region;
        RangeSlices slices = new(region, range, counts: true);
        return RunAsync(
            "UFFDIO_POISON",
            region,
            slices,
            async (part, c) =>
            {
                IoctlResult result = await kernel.PoisonAsync(region, part, c);
                known.Poison(part.Start, result);
                await service.SettleAsync(region, Done(part, result));
                return result;
            },
            cancel);
    }

    private static PageRange Done(PageRange part, IoctlResult result) =>
        new(part.Start, part.Start + (result.BytesDone >> PageSize.BaseShift));

    // What has become of the region while the call waited for its turn.
    private void ThrowIfUnusable(GuestRegion region)
    {
        region.ThrowIfUnusable(root);
        service.ThrowIfClosed();
    }

    /// <summary>Calls in slices. What fails because the memory is gone has its errno from elsewhere, so that is asked for.</summary>
    private async Task<IoctlResult> RunAsync(
        string name, GuestRegion region, RangeSlices slices, Func<PageRange, CancellationToken, Task<IoctlResult>> call,
        CancellationToken cancel)
    {
        IoctlResult result = await calls.RunAsync(name, region, slices, call, cancel);
        ThrowIfRefused(name, result);
        return result;
    }

    // An errno that is about the range is the caller's to look at.
    private void ThrowIfRefused(string name, IoctlResult result)
    {
        if (result.IsDone) return;
        kernel.Owner.ThrowIfGone(name);
        if (DeniedCall.Is(result.Error)) throw new UffdException(name, result.Error, KernelErrors.Explain(name, result.Error));
    }

    private async Task<IoctlResult> WriteProtectPartAsync(
        RegisteredRegion known, PageRange pages, WriteProtectModes modes, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        // First what is to be filled, then what is there: a page that is filled meanwhile is protected by one of the two.
        known.Pages.Protect(pages, (modes & WriteProtectModes.Protect) != 0);
        // What is protected counts as not written from then on, and what had gone before counts no more either.
        List<PageRange> gone = (modes & WriteProtectModes.Protect) != 0 ? known.TakeZeroed(pages, machine.NewReader) : [];
        bool isDone = false;
        try
        {
            IoctlResult result = await kernel.WriteProtectAsync(known.Region, pages, modes, cancel);
            isDone = result.IsDone;
            if (isDone && (modes & WriteProtectModes.Protect) != 0) known.Pages.Mark(pages);
            if (isDone && (modes & WriteProtectModes.Protect) == 0) await service.SettleAsync(known.Region, pages);
            return result;
        }
        finally
        {
            if (!isDone) foreach (PageRange part in gone) known.Zeroed!.Add(part);
        }
    }

    private async Task<(int Done, IoctlResult Last)> ProtectBatchAsync(
        RegisteredRegion known, IReadOnlyList<PageRange> batch, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        // As for one range; what has gone is put back for those that were not protected.
        foreach (PageRange pages in batch) known.Pages.Protect(pages, true);
        List<PageRange>[] gone = [.. batch.Select(pages => known.TakeZeroed(pages, machine.NewReader))];
        int done = 0;
        try
        {
            (int Done, IoctlResult Last) result = await kernel.WriteProtectAsync(known.Region, batch, WriteProtectModes.Protect, cancel);
            done = result.Done;
            foreach (PageRange pages in batch.Take(done)) known.Pages.Mark(pages);
            return result;
        }
        finally
        {
            foreach (PageRange part in gone.Skip(done).SelectMany(g => g)) known.Zeroed!.Add(part);
        }
    }

    private async Task<IReadOnlyList<PageRange>> FindWrittenAsync(GuestRegion region, PageRange range, CancellationToken cancel)
    {
        await service.ReadEventsAsync();
        return await ScanPartsAsync(
            region,
            range,
            async (pages, address) =>
                ZeroedPages.Union(await kernel.FindWrittenAsync(region, pages, address, cancel), LeftOpen(region, pages)));
    }

    private async Task<IReadOnlyList<PageRange>> TakePartAsync(
        RegisteredRegion known, PageRange pages, ulong address, CancellationToken cancel)
    {
        GuestRegion region = known.Region;
        IReadOnlyList<PageRange> found = await kernel.TakeWrittenAsync(region, pages, address, cancel);
        List<PageRange> left = LeftOpen(region, pages);
        foreach (PageRange part in region.PageBytes == PageSize.Base ? [pages] : found) known.Pages.Mark(part);
        // What the guest has moved is at another address than that of the call: it stays open, and is found again.
        bool isMoved = address != region.AddressOf(pages.Start);
        foreach (PageRange part in isMoved ? [] : left)
        {
            if ((await kernel.WriteProtectAsync(region, part, WriteProtectModes.Protect, CancellationToken.None)).IsDone)
                known.Pages.Mark(part);
        }

        return ZeroedPages.Union(found, left);
    }

    /// <summary>
    /// Huge pages that have content, and have left the mapping open to writers: the scan finds base pages that have, and no huge ones.
    /// </summary>
    private List<PageRange> LeftOpen(GuestRegion region, PageRange range)
    {
        if (region.PageBytes == PageSize.Base) return [];
        GuestReader reader = machine.NewReader();
        int unit = region.PageBytes >> PageSize.BaseShift;
        List<PageRange> left = [];
        for (long page = range.Start; page < range.End; page += unit)
        {
            if (reader.HasLeftOpen(region, page)) left.Add(new PageRange(page, page + unit));
        }

        return left;
    }

    /// <summary>
    /// Scans pages where they are now: parts that the guest has moved are at another address, and something else may lie at the old one.
    /// </summary>
    private async Task<IReadOnlyList<PageRange>> ScanPartsAsync(
        GuestRegion region, PageRange range, Func<PageRange, ulong, Task<IReadOnlyList<PageRange>>> scan)
    {
        IReadOnlyList<PageRange> written = [];
        if (service.Reader is not { } reader)
        {
            foreach (PageRange pages in region.Unregistered.Others(range))
                written = ZeroedPages.Union(written, await scan(pages, region.AddressOf(pages.Start)));
            return written;
        }

        foreach (ServedRegion part in reader.View.Regions.Where(r => r.Id == region.Id))
        {
            PageRange pages = range.Intersect(new PageRange(part.PageOf(part.Range.Start), part.PageOf(part.Range.End)));
            if (pages.Count > 0)
                written = ZeroedPages.Union(written, await scan(pages, PageSize.AddressOf(part.Base + pages.Start)));
        }

        return written;
    }
}
