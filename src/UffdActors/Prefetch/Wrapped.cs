namespace UffdActors.Prefetch;

/// <summary>A search that begins anew at the end of the region.</summary>
internal static class Wrapped
{
    /// <summary>The first wanted page at or behind a cursor, or else the first one of all; -1 if none is wanted.</summary>
    public static long Next(IWantedPages wanted, long cursor)
    {
        long page = cursor < wanted.Pages ? wanted.Next(cursor) : wanted.Pages;
        if (page >= wanted.Pages && cursor > 0) page = wanted.Next(0);
        return page < wanted.Pages ? page : -1;
    }
}
