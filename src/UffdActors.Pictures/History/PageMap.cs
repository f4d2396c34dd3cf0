namespace UffdActors.Pictures.History;

/// <summary>
/// When pages came, and why. Of a large guest one page in <see cref="Stride"/> is watched; what is counted is counted elsewhere, in full.
/// </summary>
/// <param name="Pages">Pages of the guest, of their regions' own size.</param>
/// <param name="PageBytes">Bytes of a page.</param>
/// <param name="Stride">One page in so many is watched.</param>
/// <param name="Arrivals">Each page that is watched, in order.</param>
internal sealed record PageMap(long Pages, int PageBytes, int Stride, IReadOnlyList<PageArrival> Arrivals);
