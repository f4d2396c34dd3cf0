using UffdActors.Linux.Native;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Worlds;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>A guest that moves parts of its memory by itself.</summary>
internal static class MovedRegions
{
    /// <summary>mremap of pages of a region to pages of another one; returns when the events have been read.</summary>
    public static async Task MoveAsync(EitherWorld vm, GuestRegion region, long first, long pages, GuestRegion target, long page)
    {
        const RemapModes Modes = RemapModes.MayMove | RemapModes.Fixed;
        ulong bytes = (ulong)pages << PageSize.BaseShift;
        if (vm.Vm.Kernel is ModelKernel model)
        {
            RemapMemory call = new(model.Main, region.AddressOf(first), bytes, bytes, Modes, target.AddressOf(page));
            await model.CallAsync("mremap", call, c => c.Error, CancellationToken.None);
            return;
        }

        // Returns when the events have been read.
        nint moved = await Task.Run(
            () => Libc.MRemap((nint)region.AddressOf(first), (nuint)bytes, (nuint)bytes, (int)Modes, (nint)target.AddressOf(page)));
        Assert.Equal((nint)target.AddressOf(page), moved);
    }
}
