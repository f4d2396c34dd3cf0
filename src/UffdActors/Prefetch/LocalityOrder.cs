using UffdActors.Prefetch;

namespace UffdActors;

/// <summary>
/// Linear, but whenever a thread has faulted the cursor goes on behind that page: what is near a page is often needed soon after it.
/// </summary>
internal sealed class LocalityOrder : IPrefetchOrder
{
    private long _cursor;

    /// <inheritdoc />
    public string Name => "locality";

    /// <inheritdoc />
    public long Next(IWantedPages wanted, long demanded, ref int most)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        if (demanded >= 0) _cursor = demanded + 1;
        long page = Wrapped.Next(wanted, _cursor);
        _cursor = page + 1;
        return page;
    }
}
