namespace UffdActors;

/// <summary>
/// First the pages of a working set that was recorded in an earlier run (<see cref="WorkingSet"/>), in the order of their first touch; then
/// what another order says, or nothing.
/// </summary>
/// <param name="set">The recorded pages.</param>
/// <param name="rest">What follows; null for nothing, so that what the set lacks comes on demand only.</param>
internal sealed class RecordedOrder(WorkingSet set, IPrefetchOrder? rest = null) : IPrefetchOrder
{
    private readonly WorkingSet _set = set ?? throw new ArgumentNullException(nameof(set));
    private int _next;

    /// <inheritdoc />
    public string Name => rest is null ? "working-set" : "working-set, " + rest.Name;

    /// <inheritdoc />
    public long Next(IWantedPages wanted, long demanded, ref int most)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        IReadOnlyList<long> pages = _set.Pages;
        for (; _next < pages.Count; _next++)
        {
            long page = pages[_next];
            if (page >= wanted.Pages || wanted.Next(page) != page) continue;
            // Only pages that the guest touched one after another are asked for together.
            int run = 1;
            while (run < most && _next + run < pages.Count && pages[_next + run] == page + run) run++;
            _next += run;
            most = run;
            return page;
        }

        return rest?.Next(wanted, demanded, ref most) ?? -1;
    }
}
