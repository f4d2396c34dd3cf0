using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Worlds;

namespace UffdActors.Calls;

/// <summary>
/// munmap of a region, in slices from the first page on: one call over gigabytes of pages that are there holds what faults elsewhere need
/// for as long as it takes. A slice cuts its mapping at one end only, so no slice needs a mapping more than the one call would.
/// </summary>
internal static class SlicedUnmap
{
    /// <summary>Makes the calls, from where an earlier one was refused.</summary>
    /// <param name="unmap">The VM's kernel unmaps a part.</param>
    /// <param name="region">Region.</param>
    /// <param name="cancel">Cancels it, if it has not begun.</param>
    /// <exception cref="UffdException">The kernel refuses.</exception>
    public static async Task MakeAsync(
        Func<GuestRegion, PageRange, CancellationToken, Task> unmap, GuestRegion region, CancellationToken cancel)
    {
        foreach (PageRange slice in SlicedAdvice.Slices(region, new PageRange(region.UnmappedPages, region.Pages)))
        {
            try
            {
                await unmap(region, slice, slice.Start == 0 ? cancel : CancellationToken.None);
            }
            catch (UffdException e) when (slice.Start > 0)
            {
                throw new UffdException(
                    e.Call, e.Error,
                    $"{KernelErrors.Explain(e.Call, e.Error)}; {slice.Start << PageSize.BaseShift} of {region.Bytes} bytes of region "
                        + $"{region.Id} are unmapped. Call again to go on", e);
            }

            region.UnmappedPages = slice.End;
        }
    }
}
