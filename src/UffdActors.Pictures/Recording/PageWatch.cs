using System.Numerics;
using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Recording;

/// <summary>
/// When pages have come, and why, by looks at what has been received. Of a large guest one page in some is watched. Not safe for several
/// threads.
/// </summary>
internal sealed class PageWatch
{
    private const int MostWatched = 1 << 16;
    private const int BaseShift = 12;

    private readonly IReadOnlyList<WatchedRegion> _regions;
    private readonly ulong[][] _seen;
    private readonly ulong[] _now;
    private readonly long[] _first;
    private readonly long[] _came;
    private readonly PageCause[] _causes;
    private readonly int _unit;
    private readonly PageCause _otherwise;

    /// <param name="regions">Memory; where its pages have different sizes, they are counted in the smallest.</param>
    /// <param name="otherwise">Why a page has come that no watched vCPU has waited for.</param>
    public PageWatch(IReadOnlyList<WatchedRegion> regions, PageCause otherwise = PageCause.Push)
    {
        _regions = regions;
        _otherwise = otherwise;
        PageBytes = regions.Count == 0 ? 1 << BaseShift : regions.Min(r => r.PageBytes);
        _unit = PageBytes >> BaseShift;
        _first = new long[regions.Count];
        for (int i = 0; i < regions.Count; i++)
        {
            _first[i] = Pages;
            Pages += regions[i].Pages / _unit;
        }

        Stride = (int)((Pages + MostWatched - 1) / MostWatched) is > 0 and var stride ? stride : 1;
        _seen = [.. regions.Select(r => new ulong[(r.Pages + 63) / 64])];
        _now = new ulong[_seen.Select(s => s.Length).DefaultIfEmpty(0).Max()];
        long watched = (Pages + Stride - 1) / Stride;
        _came = new long[watched];
        _causes = new PageCause[watched];
    }

    /// <summary>Pages of the guest, of their regions' own size.</summary>
    public long Pages { get; }

    /// <summary>Bytes of a page.</summary>
    public int PageBytes { get; }

    /// <summary>One page in so many is watched.</summary>
    public int Stride { get; }

    /// <summary>Pages that are there, of their regions' own size, at the latest look.</summary>
    public long Received { get; private set; }

    /// <summary>Page of an address; -1 if it is in no region.</summary>
    public long PageOf(ulong address)
    {
        for (int i = 0; i < _regions.Count; i++)
        {
            ulong offset = address - _regions[i].Address;
            if (offset >> BaseShift < (ulong)_regions[i].Pages) return _first[i] + ((long)(offset >> BaseShift) / _unit);
        }

        return -1;
    }

    /// <summary>A vCPU has waited for a page.</summary>
    public void Demanded(in FaultSpan fault)
    {
        if (fault.Page < 0 || fault.Page % Stride != 0) return;
        long watched = fault.Page / Stride;
        // A look may have found the page before its vCPU could tell; and a page may be waited for again when it has been given back.
        bool isNew = _causes[watched] == PageCause.Absent || (_causes[watched] == PageCause.Push && fault.Raised <= _came[watched]);
        if (!isNew) return;
        _causes[watched] = PageCause.Demand;
        _came[watched] = fault.Installed > 0 ? fault.Installed : fault.Resumed;
    }

    /// <summary>Looks at what is there.</summary>
    /// <param name="now">Nanoseconds since the run began; below 0 before.</param>
    public void Look(long now)
    {
        for (int i = 0; i < _regions.Count; i++)
        {
            ulong[] seen = _seen[i];
            _regions[i].Received(_now);
            for (int word = 0; word < seen.Length; word++)
            {
                ulong came = _now[word] & ~seen[word];
                if (came == 0) continue;
                seen[word] = _now[word];
                while (came != 0)
                {
                    Came(i, (word * 64L) + BitOperations.TrailingZeroCount(came), now);
                    came &= came - 1;
                }
            }
        }
    }

    /// <summary>What became of each page that is watched.</summary>
    public PageMap Map() => new(Pages, PageBytes, Stride, [.. Enumerable.Range(0, _causes.Length).Select(Arrival)]);

    /// <summary>Why a page is there.</summary>
    /// <param name="watched">Its place among those that are watched.</param>
    public PageCause CauseOf(long watched) => _causes[watched];

    /// <summary>What is noted of a page that is watched.</summary>
    public PageState StateOf(long watched)
    {
        long page = watched * Stride;
        int region = _regions.Count - 1;
        while (region > 0 && page < _first[region]) region--;
        return _regions[region].StateOf((page - _first[region]) * _unit);
    }

    /// <summary>Number of pages that are watched.</summary>
    public int Watched => _causes.Length;

    private PageArrival Arrival(int watched) =>
        new((long)watched * Stride, _came[watched], _causes[watched], StateOf(watched));

    private void Came(int region, long basePage, long now)
    {
        if (basePage % _unit != 0) return;
        Received++;
        long page = _first[region] + (basePage / _unit);
        if (page % Stride != 0) return;
        long watched = page / Stride;
        if (_causes[watched] != PageCause.Absent) return;
        _causes[watched] = now < 0 ? PageCause.Before : _otherwise;
        _came[watched] = Math.Max(0, now);
    }
}
