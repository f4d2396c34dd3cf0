namespace UffdActors;

/// <summary>
/// A request for pages: base pages of 4 KiB whatever the region's own page size is; of larger pages whole ones are asked for.
/// </summary>
/// <param name="Id">Chosen by the asker; comes back with every answer.</param>
/// <param name="Region">Region that the pages belong to.</param>
/// <param name="FirstPage">First page within the region.</param>
/// <param name="Pages">Pages wanted, at least 1.</param>
/// <param name="Urgency">How urgently.</param>
/// <param name="Buffer">
/// Native memory of at least the pages' size, which stays the asker's. The source may put the bytes there, each page at its own place (the
/// first one at 0, the next one 4096 bytes on), or answer with an address of its own that stays valid for as long as the source lives.
/// </param>
/// <param name="Cancel">The answer is not wanted any more.</param>
public readonly record struct PageOrder(
    long Id, int Region, long FirstPage, int Pages, Urgency Urgency, nint Buffer, CancellationToken Cancel);
