namespace UffdActors.Calls;

/// <summary>The regions that are registered with one userfaultfd. Safe for any thread.</summary>
internal sealed class RegisteredRegions
{
    private readonly Lock _gate = new();
    private readonly Dictionary<GuestRegion, RegisteredRegion> _registered = [];

    /// <summary>Those that there are now.</summary>
    public RegisteredRegion[] All
    {
        get
        {
            lock (_gate) return [.. _registered.Values];
        }
    }

    /// <summary>What can be served: where all has been unmapped there is nothing, and that is a mistake.</summary>
    /// <exception cref="InvalidOperationException">All regions have been unmapped.</exception>
    public RegisteredRegion[] Mapped()
    {
        RegisteredRegion[] all = All;
        RegisteredRegion[] mapped = [.. all.Where(r => !r.Region.IsUnmapped)];
        if (mapped.Length == 0 && all.Length > 0) all[0].Region.ThrowIfUnmapped();
        return mapped;
    }

    /// <summary>A region, if it is registered here.</summary>
    public RegisteredRegion? TryFind(GuestRegion region)
    {
        lock (_gate) return _registered.GetValueOrDefault(region);
    }

    /// <summary>A region that is registered here.</summary>
    /// <exception cref="ArgumentException">It is not.</exception>
    public RegisteredRegion Find(GuestRegion region) => TryFind(region)
        ?? throw new ArgumentException($"Region {region.Id} is not registered with this userfaultfd.", nameof(region));

    /// <summary>A region has been registered, again or for the first time.</summary>
    public void Set(RegisteredRegion registered)
    {
        lock (_gate) _registered[registered.Region] = registered;
    }

    /// <summary>A region has been unregistered.</summary>
    public void Remove(GuestRegion region)
    {
        lock (_gate) _ = _registered.Remove(region);
    }
}
