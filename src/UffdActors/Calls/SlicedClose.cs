using UffdActors.Actors;
using UffdActors.Model.Mapping;
using UffdActors.Worlds;

namespace UffdActors.Calls;

/// <summary>
/// What comes before the close of a userfaultfd with write protection. The last close clears the protection of every page in one call, and
/// holds all faults of the address space for as long (some 100 ms a GiB); so the pages are unregistered before, in slices.
/// </summary>
internal static class SlicedClose
{
    /// <summary>Unregisters what is registered for write protection. What a refusal or a move leaves, the close takes.</summary>
    /// <param name="vm">The VM's root.</param>
    /// <param name="kernel">The userfaultfd, which is closed next: absent pages that threads wait for read as zeros from here on.</param>
    /// <param name="regions">Its regions.</param>
    /// <param name="willClose">
    /// Asked before every slice: whether it would be closed now, and not left open for a guest that may still run. Else the rest is left to
    /// the close.
    /// </param>
    /// <param name="afterSlice">Comes after every slice, while the ring is free; null for nothing.</param>
    public static async Task PrepareAsync(
        VmRoot vm, KernelUserfault kernel, IEnumerable<RegisteredRegion> regions, Func<Task<bool>> willClose,
        Func<PageRange, Task>? afterSlice)
    {
        foreach (RegisteredRegion watched in regions.Where(r => (r.Modes & RegisterModes.WriteProtect) != 0))
        {
            GuestRegion region = watched.Region;
            foreach (PageRange slice in SlicedAdvice.Slices(region, new PageRange(0, region.Pages)))
            {
                if (region.IsUnmapped || vm.Failed.IsCompleted) break;
                try
                {
                    if (!await willClose()) return;
                    if (!(await kernel.UnregisterAsync(region, slice, watched.Modes, CancellationToken.None)).IsDone) break;
                }
                catch (Exception e) when (e is UffdException or VmFailedException)
                {
                    return;
                }

                if (afterSlice is not null) await afterSlice(slice);
            }
        }
    }
}
