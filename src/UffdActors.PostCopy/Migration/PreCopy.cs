using System.Diagnostics;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Migration;

/// <summary>
/// Copies a running guest: all pages first, then those written since, round by round, until few are left. Writes are found by
/// asynchronous write protection and PAGEMAP_SCAN (<see cref="Userfault.TakeWrittenAsync"/>), so the guest never blocks.
/// </summary>
internal sealed class PreCopy
{
    private readonly UffdVm _vm;
    private readonly Userfault _userfault;
    private readonly PreCopyOptions _options;
    private readonly StalePages[] _stale;
    private long _bytesPerSecond;
    private int _rounds;
    private long _bytes;

    public PreCopy(UffdVm vm, Userfault userfault, PreCopyOptions options)
    {
        _vm = vm;
        _userfault = userfault;
        _options = options;
        _bytesPerSecond = options.BytesPerSecond;
        _stale = [.. vm.Regions.Select(r => new StalePages(r.Pages))];
    }

    /// <summary>Rounds that have been begun.</summary>
    public int Rounds => Volatile.Read(ref _rounds);

    /// <summary>Bytes that were sent.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Bytes a second, at most; 0 for as fast as it goes.</summary>
    public long BytesPerSecond
    {
        get => Volatile.Read(ref _bytesPerSecond);
        set => Volatile.Write(ref _bytesPerSecond, value);
    }

    /// <summary>Copies over a new link, from the beginning; ends when the guest is to be stopped.</summary>
    /// <exception cref="IOException">The link is lost.</exception>
    public async Task CopyAsync(Link link, CancellationToken cancel)
    {
        foreach (StalePages pages in _stale) pages.AddAll();
        foreach (GuestRegion region in _vm.Regions) await ProtectAsync(region, cancel);

        for (int round = 1; ; round++)
        {
            Volatile.Write(ref _rounds, _rounds + 1);
            Stopwatch time = Stopwatch.StartNew();
            long bytes = await SendAsync(link, cancel);
            double seconds = Math.Max(time.Elapsed.TotalSeconds, 1e-6);
            await FindWrittenAsync(cancel);
            if (round >= (_options.Rounds ?? _options.MostRounds)) return;
            double left = _stale.Sum(s => s.Count << PageSize.BaseShift) / Math.Max(1, bytes / seconds);
            if (_options.Rounds is null && left <= _options.Target.TotalSeconds) return;
        }
    }

    /// <summary>The guest has stopped: finds the pages written since, and sends the destination the discard set.</summary>
    /// <exception cref="IOException">The link is lost.</exception>
    public async Task DiscardAsync(Link link, CancellationToken cancel)
    {
        await FindWrittenAsync(cancel);
        byte[] bits = new byte[WireLimits.PagesADiscard / 8];
        for (int region = 0; region < _stale.Length; region++)
        {
            for (long page = 0; page < _stale[region].Pages; page += WireLimits.PagesADiscard)
            {
                int pages = (int)Math.Min(WireLimits.PagesADiscard, _stale[region].Pages - page);
                Memory<byte> part = bits.AsMemory(0, (pages + 7) / 8);
                _stale[region].Write(page, pages, part.Span);
                link.Urgent.Send(
                    new FrameHeader { Kind = MessageKind.Discard, Region = region, FirstPage = page, Pages = pages }, part.Span);
            }
        }
    }

    private async Task ProtectAsync(GuestRegion region, CancellationToken cancel)
    {
        while (true)
        {
            IoctlResult result = await _userfault.ProtectAsync(region, 0, region.Pages, cancel);
            if (result.IsDone) return;
            // An event is unread: the guest gives something back, and goes on when it has been read.
            if (result.Error != Errno.EAGAIN)
                throw new MigrationException($"Region {region.Id} cannot be write-protected: {result.Error}.");
            await Task.Yield();
        }
    }

    private async Task FindWrittenAsync(CancellationToken cancel)
    {
        for (int region = 0; region < _stale.Length; region++)
        {
            GuestRegion memory = _vm.Regions[region];
            foreach (PageRange written in await _userfault.TakeWrittenAsync(memory, 0, memory.Pages, cancel)) _stale[region].Add(written);
            if (_userfault.Counts().Events == 0) continue;
            // Of a page cache the protection outlives the page: what was given back need not count as written.
            foreach (PageStateRange range in await _userfault.PageStatesAsync(memory, 0, memory.Pages, cancel))
            {
                if (range.State == PageState.Removed) _stale[region].Add(new PageRange(range.FirstPage, range.FirstPage + range.Pages));
            }
        }
    }

    private async Task<long> SendAsync(Link link, CancellationToken cancel)
    {
        long before = link.BytesOut;
        Stopwatch time = Stopwatch.StartNew();
        await Task.WhenAll(link.Background.Select(lane => Task.Run(() => SendOnAsync(link, lane, before, time, cancel), cancel)));
        long sent = link.BytesOut - before;
        _ = Interlocked.Add(ref _bytes, sent);
        return sent;
    }

    private async Task SendOnAsync(Link link, Lane lane, long before, Stopwatch time, CancellationToken cancel)
    {
        PageServer server = new(_vm);
        for (int region = 0; region < _stale.Length; region++)
        {
            for (long chunk = (lane.Number - 1) * (long)WireLimits.PagesAFrame; chunk < _stale[region].Pages;
                chunk += (long)WireLimits.PagesAFrame * link.Channels)
            {
                long end = Math.Min(_stale[region].Pages, chunk + WireLimits.PagesAFrame);
                for ((long page, int pages) = _stale[region].TakeRun(chunk, end); pages > 0;
                    (page, pages) = _stale[region].TakeRun(page + pages, end))
                {
                    server.Send(lane, new FrameHeader { Kind = MessageKind.Content, Region = region, FirstPage = page, Pages = pages });
                }

                cancel.ThrowIfCancellationRequested();
                await WaitForRateAsync(link.BytesOut - before, time, cancel);
            }
        }
    }

    private async Task WaitForRateAsync(long bytes, Stopwatch time, CancellationToken cancel)
    {
        if (BytesPerSecond is not (> 0 and var rate)) return;
        TimeSpan ahead = TimeSpan.FromSeconds((double)bytes / rate) - time.Elapsed;
        // In short steps, so that a changed rate takes effect.
        while (ahead > TimeSpan.Zero && BytesPerSecond == rate)
        {
            TimeSpan step = ahead < TimeSpan.FromMilliseconds(100) ? ahead : TimeSpan.FromMilliseconds(100);
            await Task.Delay(step, TimeProvider.System, cancel);
            ahead = TimeSpan.FromSeconds((double)bytes / rate) - time.Elapsed;
        }
    }
}
