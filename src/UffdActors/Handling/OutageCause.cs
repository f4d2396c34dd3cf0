namespace UffdActors.Handling;

/// <summary>What pages have to wait out.</summary>
internal enum OutageCause
{
    /// <summary>A page source that fails.</summary>
    Source,

    /// <summary>Fills that do not take effect: an empty pool of huge pages, no memory, a source's address that cannot be read.</summary>
    Fill,

    /// <summary>Handlers that crash on a page.</summary>
    Crash,
}
