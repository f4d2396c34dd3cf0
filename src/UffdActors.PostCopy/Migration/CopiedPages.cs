using System.Collections;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Migration;

/// <summary>
/// Content that was copied while the guest still ran at the source, kept apart from the guest's memory: pages that the guest has changed
/// since are discarded here, so nothing has to be removed from the guest's memory while it is stopped. This needs memory until the
/// migration ends.
/// </summary>
/// <remarks>
/// In chunks of <see cref="WireLimits.PagesAFrame"/> pages. All frames of a chunk come over the same lane, so the later is the newer; the
/// reading threads of several lanes work on different chunks.
/// </remarks>
internal sealed class CopiedPages : IDisposable
{
    private readonly CopiedChunk?[][] _chunks;
    private readonly long[] _pages;
    private readonly BitArray?[] _discarded;
    private long _copied;

    /// <param name="regions">Base pages of each region.</param>
    public CopiedPages(IReadOnlyList<long> regions)
    {
        _pages = [.. regions];
        _discarded = new BitArray?[regions.Count];
        _chunks = [.. regions.Select(pages => new CopiedChunk?[(pages + WireLimits.PagesAFrame - 1) / WireLimits.PagesAFrame])];
    }

    /// <summary>Pages received; one that came twice counts twice.</summary>
    public long Copied => Volatile.Read(ref _copied);

    /// <summary>Lane that a chunk's frames come over.</summary>
    public static int LaneOf(long firstPage, int channels) => 1 + (int)(firstPage / WireLimits.PagesAFrame % channels);

    /// <summary>Takes a frame; on the lane's reading thread.</summary>
    /// <exception cref="WireException">The pages are not the guest's, or do not belong on this lane.</exception>
    /// <exception cref="IOException">The lane has ended.</exception>
    public void Take(Lane lane, in FrameHeader header, int channels, byte[] runs)
    {
        lane.Read(runs.AsSpan(0, header.Runs * FrameHeader.RunBytes));
        PageRuns.Check(header, runs);
        int first = (int)(header.FirstPage % WireLimits.PagesAFrame);
        if (header.Region >= _pages.Length || header.FirstPage > _pages[header.Region] - header.Pages
            || first + header.Pages > WireLimits.PagesAFrame || LaneOf(header.FirstPage, channels) != lane.Number)
            throw new WireException($"{header.Pages} pages from page {header.FirstPage} of region {header.Region} on lane {lane.Number}");
        CopiedChunk chunk = _chunks[header.Region][header.FirstPage / WireLimits.PagesAFrame] ??= new CopiedChunk();
        chunk.Take(lane, first, header, runs);
        _ = Interlocked.Add(ref _copied, header.Pages);
    }

    /// <summary>
    /// Notes pages that the guest has changed since they were sent. Their old content may still be on its way on another lane, so they are
    /// discarded when all content has come (<see cref="EndContent"/>).
    /// </summary>
    /// <exception cref="WireException">The pages are not the guest's.</exception>
    public void Discard(in FrameHeader header, ReadOnlySpan<byte> bits)
    {
        if (header.Region >= _pages.Length || header.FirstPage > _pages[header.Region] - header.Pages)
            throw new WireException($"a discard of pages that region {header.Region} does not have");
        BitArray discarded = _discarded[header.Region] ??= new BitArray((int)_pages[header.Region]);
        for (int i = 0; i < header.Pages; i++)
        {
            if ((bits[i >> 3] & (1 << (i & 7))) != 0) discarded[(int)header.FirstPage + i] = true;
        }
    }

    /// <summary>All content before a hand-over has come: what it has left old is discarded now.</summary>
    public void EndContent()
    {
        for (int region = 0; region < _discarded.Length; region++)
        {
            if (_discarded[region] is not { } discarded) continue;
            for (int page = 0; page < discarded.Length; page++)
            {
                if (discarded[page]) _chunks[region][page / WireLimits.PagesAFrame]?.Discard(page % WireLimits.PagesAFrame);
            }

            _discarded[region] = null;
        }
    }

    /// <summary>State of a page, and the run of pages behind it in the same state.</summary>
    /// <param name="region">Region.</param>
    /// <param name="page">Page.</param>
    /// <param name="end">Where to stop looking.</param>
    /// <param name="next">The first page in another state, or <paramref name="end"/>; a run ends with its chunk.</param>
    public CopiedContent Look(int region, long page, long end, out long next)
    {
        long chunkEnd = ((page / WireLimits.PagesAFrame) + 1) * WireLimits.PagesAFrame;
        end = Math.Min(end, chunkEnd);
        CopiedChunk? chunk = _chunks[region][page / WireLimits.PagesAFrame];
        if (chunk is null)
        {
            next = end;
            return CopiedContent.None;
        }

        int at = (int)(page % WireLimits.PagesAFrame);
        CopiedContent content = chunk.Of(at);
        next = page + 1;
        while (next < end && chunk.Of(++at) == content) next++;
        return content;
    }

    /// <summary>Copies pages out that have bytes, within one chunk.</summary>
    public void Read(int region, long page, Span<byte> bytes) =>
        _chunks[region][page / WireLimits.PagesAFrame]!.Read((int)(page % WireLimits.PagesAFrame), bytes);

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (CopiedChunk? chunk in _chunks.SelectMany(c => c)) chunk?.Dispose();
    }
}
