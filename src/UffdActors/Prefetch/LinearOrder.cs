using UffdActors.Prefetch;

namespace UffdActors;

/// <summary>From the first page to the last.</summary>
internal sealed class LinearOrder : IPrefetchOrder
{
    private long _cursor;

    /// <inheritdoc />
    public string Name => "linear";

    /// <inheritdoc />
    public long Next(IWantedPages wanted, long demanded, ref int most)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        long page = Wrapped.Next(wanted, _cursor);
        _cursor = page + 1;
        return page;
    }
}
