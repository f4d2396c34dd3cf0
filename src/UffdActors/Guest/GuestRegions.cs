namespace UffdActors;

/// <summary>The regions of a VM, in the order in which they were mapped; numbers are never used again. Safe for any thread.</summary>
internal sealed class GuestRegions
{
    private readonly Lock _gate = new();
    private readonly List<GuestRegion> _regions = [];

    /// <summary>Those that there are now, unmapped ones among them.</summary>
    public GuestRegion[] All
    {
        get
        {
            lock (_gate) return [.. _regions];
        }
    }

    /// <summary>Adds a region, which is made with its number.</summary>
    public GuestRegion Add(Func<int, GuestRegion> make)
    {
        lock (_gate)
        {
            GuestRegion region = make(_regions.Count);
            _regions.Add(region);
            return region;
        }
    }
}
