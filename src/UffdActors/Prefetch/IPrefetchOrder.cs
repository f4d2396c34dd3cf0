namespace UffdActors;

/// <summary>
/// Decides which pages a background push fetches next. It sees no content and makes no call: the same order serves a push, a migration and
/// a restore. One object serves one push.
/// </summary>
/// <remarks>
/// The push asks for the page that is returned, and for those behind it that are wanted too, up to a chunk. It asks again when there is
/// room in its window, so the order of what has been returned is the order of what is asked for, not of what arrives.
/// </remarks>
public interface IPrefetchOrder
{
    /// <summary>From the first page to the last.</summary>
    static IPrefetchOrder Linear() => new LinearOrder();

    /// <summary>Linear, but whenever a thread has faulted it goes on behind that page.</summary>
    static IPrefetchOrder Locality() => new LocalityOrder();

    /// <summary>Grows around the newest demand on both sides, in turns.</summary>
    static IPrefetchOrder Bubble() => new BubbleOrder();

    /// <summary>First the pages of a working set that an earlier run recorded, in the order of their first touch.</summary>
    /// <param name="set">The recorded pages.</param>
    /// <param name="rest">What follows; null for nothing, so that what the set lacks comes on demand only.</param>
    static IPrefetchOrder Recorded(WorkingSet set, IPrefetchOrder? rest = null) => new RecordedOrder(set, rest);

    /// <summary>Short name for reports, such as <c>linear</c>.</summary>
    string Name { get; }

    /// <summary>The next page to fetch. What it throws ends the push, and <see cref="BackgroundPush.WaitAsync"/> with it.</summary>
    /// <param name="wanted">What may be fetched.</param>
    /// <param name="demanded">The page that a thread has newly faulted on since the last call; -1 if there was none.</param>
    /// <param name="most">Pages that may be asked for from there on, at least 1; lowered by an order that wants fewer.</param>
    /// <returns>A wanted page; -1 if nothing else is to be fetched.</returns>
    long Next(IWantedPages wanted, long demanded, ref int most);
}
