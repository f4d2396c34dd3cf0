using UffdActors.Prefetch;

namespace UffdActors;

/// <summary>
/// Grows around the newest demand on both sides, in turns: a guest that walks upwards or downwards is met either way. Without a demand it
/// is linear.
/// </summary>
internal sealed class BubbleOrder : IPrefetchOrder
{
    private long _above;
    private long _below = -1;
    private bool _isBelowNext;

    /// <inheritdoc />
    public string Name => "bubble";

    /// <inheritdoc />
    public long Next(IWantedPages wanted, long demanded, ref int most)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        if (demanded >= 0) (_above, _below, _isBelowNext) = (demanded + 1, demanded - 1, false);
        if (_isBelowNext && _below >= 0 && wanted.Previous(_below) is >= 0 and var last) return Below(wanted, last, ref most);
        long page = Wrapped.Next(wanted, _above);
        _isBelowNext = true;
        // At the end it begins anew, so what lies below comes then at the latest.
        _above = page + 1;
        return page;
    }

    /// <summary>A chunk that ends with a page.</summary>
    private long Below(IWantedPages wanted, long last, ref int most)
    {
        long first = last;
        while (last - first + 1 < most && first > 0 && wanted.Previous(first - 1) == first - 1) first--;
        most = (int)(last - first + 1);
        _below = first - 1;
        _isBelowNext = false;
        return first;
    }
}
