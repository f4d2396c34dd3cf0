using UffdActors.Linux.Memory;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Worlds;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>What tests of sliced calls have in common: regions of three slices.</summary>
internal static class SliceScene
{
    public const int Slice = RangeSlices.Bytes >> PageSize.BaseShift;
    public const int Pages = 3 * Slice;
    public const PagemapFlags Marker = PagemapFlags.Swap | PagemapFlags.UffdWp;

    public static void AssertCovered(List<PageRange> slices, long pages)
    {
        Assert.Equal((0, pages), (slices[0].Start, slices[^1].End));
        for (int i = 1; i < slices.Count; i++) Assert.Equal(slices[i - 1].End, slices[i].Start);
        Assert.All(slices, s => Assert.InRange(s.Count, 1, Slice));
    }
}
