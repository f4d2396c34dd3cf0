using UffdActors.Model.Memory;

namespace UffdActors.Serve.WorkingSets;

/// <summary>
/// The pages of a set that are fetched ahead for a session: a push for each region, in the order of the first touches there.
/// </summary>
internal sealed class WorkingSetReplay
{
    private readonly List<(BackgroundPush Push, int Unit)> _pushes = [];

    /// <summary>Pages of the set that are the guest's.</summary>
    public long Pages { get; private set; }

    /// <summary>Base pages that the pushes have filled.</summary>
    public long Fetched
    {
        get
        {
            lock (_pushes) return _pushes.Sum(p => (p.Push.Pages + p.Push.ZeroPages) * p.Unit);
        }
    }

    /// <summary>The part of a set that is a region's.</summary>
    /// <param name="set">The set, in pages of the memory file.</param>
    /// <param name="firstPage">Page of the file at which the region begins.</param>
    /// <param name="pages">Base pages of the region.</param>
    /// <param name="unit">Base pages of a page of it: all of it is fetched if one of them is in the set.</param>
    public static WorkingSet PartOf(WorkingSet set, long firstPage, long pages, int unit)
    {
        List<long> part = [];
        PageSet seen = new(pages);
        foreach (long page in set.Pages)
        {
            long here = page - firstPage;
            if (here < 0 || here >= pages) continue;
            long head = here / unit * unit;
            if (!seen.Add(head)) continue;
            for (long at = head; at < head + unit; at++) part.Add(at);
        }

        return new WorkingSet(pages, part);
    }

    /// <summary>Begins to fetch.</summary>
    /// <param name="uffd">What serves the guest.</param>
    /// <param name="source">Where its pages come from.</param>
    /// <param name="parts">Its regions, and what is fetched of them.</param>
    /// <param name="bytesPerSecond">Bytes a second, of all regions together; 0 for as fast as it goes.</param>
    public async Task BeginAsync(
        Userfault uffd, IPageSource source, IReadOnlyList<(GuestRegion Region, WorkingSet Set)> parts, long bytesPerSecond)
    {
        Pages = parts.Sum(p => (long)p.Set.Pages.Count);
        foreach ((GuestRegion region, WorkingSet set) in parts)
        {
            if (set.Pages.Count == 0) continue;
            BackgroundPush push = await uffd.PushAsync(
                region, source,
                new PrefetchOptions
                {
                    Order = IPrefetchOrder.Recorded(set),
                    // Each region has its share, so that all of them end at the same time.
                    BytesPerSecond = bytesPerSecond == 0
                        ? 0
                        : Math.Max(PageSize.Base, (long)((double)bytesPerSecond * set.Pages.Count / Pages)),
                });
            lock (_pushes) _pushes.Add((push, region.PageBytes >> PageSize.BaseShift));
        }
    }
}
