using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Worlds;

namespace UffdActors.Calls;

/// <summary>
/// madvise over a range, in slices: one call over gigabytes holds what faults need for as long as it takes. What the slices give is what
/// the one call gives: it goes on behind what is not mapped, which it says at its end (ENOMEM), and stops at any other refusal.
/// </summary>
internal static class SlicedAdvice
{
    /// <summary>Makes the calls.</summary>
    /// <param name="kernel">The VM's kernel.</param>
    /// <param name="region">Region.</param>
    /// <param name="range">Base pages of it.</param>
    /// <param name="advice">The advice.</param>
    /// <param name="ended">Called when the kernel's call for a part is over, whatever it gave.</param>
    /// <param name="cancel">Ends the wait for a slice, not the slice; no further one is begun.</param>
    /// <exception cref="UffdException">The kernel refuses.</exception>
    public static async Task MakeAsync(
        VmKernel kernel, GuestRegion region, PageRange range, Advice advice, Action<PageRange> ended, CancellationToken cancel)
    {
        UffdException? unmapped = null;
        foreach (PageRange slice in Slices(region, range))
        {
            cancel.ThrowIfCancellationRequested();
            try
            {
                await kernel.AdviseAsync(region, slice.Start, slice.Count, advice, () => ended(slice), cancel);
            }
            catch (UffdException e) when (e.Error == Errno.ENOMEM)
            {
                unmapped ??= e;
            }
        }

        if (unmapped is not null) throw unmapped;
    }

    /// <summary>The slices of a range, for a call whose time is that of the pages that are there.</summary>
    public static IEnumerable<PageRange> Slices(GuestRegion region, PageRange range) =>
        Slices(region, range, RangeSlices.BytesFor(range.Count << PageSize.BaseShift));

    /// <summary>
    /// The slices of a range: cut at multiples of a slice in the address space, so that no huge page is cut that one call would have taken
    /// whole.
    /// </summary>
    public static IEnumerable<PageRange> Slices(GuestRegion region, PageRange range, long bytes)
    {
        long slice = Math.Max(bytes, region.PageBytes) >> PageSize.BaseShift;
        long first = PageSize.PageOf(region.Address);
        for (long end, start = range.Start; start < range.End; start = end)
        {
            end = Math.Min(range.End, ((((first + start) / slice) + 1) * slice) - first);
            yield return new PageRange(start, end);
        }
    }
}
