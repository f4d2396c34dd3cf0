namespace UffdActors.Pictures.Recording;

/// <summary>A region of guest memory whose pages are watched.</summary>
/// <param name="Address">Where it is mapped, for the vCPUs.</param>
/// <param name="Pages">Base pages.</param>
/// <param name="PageBytes">Bytes of a page of it.</param>
/// <param name="Received">Copies a bit a base page, of those that are there, 64 to a word.</param>
/// <param name="StateOf">What is noted of a base page.</param>
internal sealed record WatchedRegion(
    ulong Address, long Pages, int PageBytes, WatchedRegion.CopyReceived Received, Func<long, PageState> StateOf)
{
    /// <summary>Copies the bits of received pages.</summary>
    /// <param name="words">A word for each 64 base pages.</param>
    public delegate void CopyReceived(Span<ulong> words);

    /// <summary>A region that a userfaultfd serves.</summary>
    public static WatchedRegion Of(Userfault userfault, GuestRegion region)
    {
        PageBitmap received = userfault.ReceivedOf(region);
        bool isRegistered = true;
        return new(region.Address, region.Pages, region.PageBytes, received.CopyTo, StateOf);

        PageState StateOf(long page)
        {
            try
            {
                if (isRegistered) return userfault.NotedStateOf(region, page);
            }
            catch (ArgumentException)
            {
                // It has been unregistered since; what had been received by then is still known.
                isRegistered = false;
            }

            return received.Contains(page) ? PageState.FromSource : PageState.Absent;
        }
    }
}
