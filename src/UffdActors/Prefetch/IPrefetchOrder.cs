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
    /// <summary>Short name for reports, such as <c>linear</c>.</summary>
    string Name { get; }

    /// <summary>The next page to fetch.</summary>
    /// <param name="wanted">What may be fetched.</param>
    /// <param name="demanded">The page that a thread has newly faulted on since the last call; -1 if there was none.</param>
    /// <param name="most">Pages that may be asked for from there on, at least 1; lowered by an order that wants fewer.</param>
    /// <returns>A wanted page; -1 if nothing else is to be fetched.</returns>
    long Next(IWantedPages wanted, long demanded, ref int most);
}
