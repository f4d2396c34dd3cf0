namespace UffdActors.Handling;

/// <summary>What waits: a page of a region, or the background push of one (<see cref="Push"/>).</summary>
/// <param name="Region">Region.</param>
/// <param name="Page">Page of the region.</param>
/// <param name="Address">Where: while a region moves, its page may be waited for at both places.</param>
internal readonly record struct Waiter(int Region, long Page, ulong Address = 0)
{
    /// <summary>The background push of a region.</summary>
    public static Waiter Push(int region) => new(region, -1);

    /// <summary>The page that a request is about.</summary>
    public static Waiter Of(PageRequest request) => new(request.Region.Id, request.Page, request.Address);

    /// <summary>True for a background push.</summary>
    public bool IsPush => Page < 0;

    public override string ToString() => IsPush ? $"the push of region {Region}" : $"page {Page} of region {Region}";
}
