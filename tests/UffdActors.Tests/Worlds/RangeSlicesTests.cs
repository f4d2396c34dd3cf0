using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Worlds;

namespace UffdActors.Tests.Worlds;

/// <summary>How a call over a range is cut, and how the answers become one.</summary>
public sealed class RangeSlicesTests
{
    private const long Slice = RangeSlices.Bytes >> PageSize.BaseShift;
    private static readonly IoctlResult Done = new(Errno.None, null);

    [Fact]
    public void Slices_end_at_multiples_of_their_size_in_the_address_space()
    {
        GuestRegion region = Region(3 * Slice, address: 0x1000_0000_0000 + (5 << PageSize.BaseShift));

        Assert.Equal(
            [new(2, Slice - 5), new(Slice - 5, (2 * Slice) - 5), new((2 * Slice) - 5, (2 * Slice) + 1)],
            Cut(region, new PageRange(2, (2 * Slice) + 1)));
        Assert.Equal([new(7, 9)], Cut(region, new PageRange(7, 9)));
    }

    [Fact]
    public void Huge_pages_are_cut_between_pages_and_a_range_that_ends_inside_one_not_at_all()
    {
        GuestRegion region = Region(3 * Slice, PageSize.Huge);

        Assert.Equal(
            [new(512, Slice), new(Slice, 2 * Slice), new(2 * Slice, (2 * Slice) + 512)],
            Cut(region, new PageRange(512, (2 * Slice) + 512)));
        Assert.Equal([new(512, (2 * Slice) + 511)], Cut(region, new PageRange(512, (2 * Slice) + 511)));
        Assert.Equal([new(1, 2 * Slice)], Cut(region, new PageRange(1, 2 * Slice)));
    }

    [Fact]
    public void A_call_that_counts_ends_with_the_count_whatever_it_has_met_and_with_the_errno_if_it_has_done_nothing()
    {
        RangeSlices slices = new(Region(3 * Slice), new PageRange(0, 3 * Slice), counts: true);
        slices.Take(new IoctlResult(Errno.None, RangeSlices.Bytes));
        slices.Take(new IoctlResult(Errno.EAGAIN, 4096));
        Assert.Equal(new IoctlResult(Errno.EAGAIN, RangeSlices.Bytes + 4096L), slices.Result);

        slices = new(Region(3 * Slice), new PageRange(0, 3 * Slice), counts: true);
        slices.Take(new IoctlResult(Errno.None, RangeSlices.Bytes));
        slices.Take(new IoctlResult(Errno.ENOENT, -(long)Errno.ENOENT));
        Assert.Equal(new IoctlResult(Errno.EAGAIN, RangeSlices.Bytes), slices.Result);

        slices = new(Region(3 * Slice), new PageRange(0, 3 * Slice), counts: true);
        slices.Take(new IoctlResult(Errno.EEXIST, -(long)Errno.EEXIST));
        Assert.Equal(new IoctlResult(Errno.EEXIST, -(long)Errno.EEXIST), slices.Result);
    }

    [Fact]
    public void Only_a_slice_behind_the_first_waits_for_events()
    {
        IoctlResult unread = new(Errno.EAGAIN, null);
        RangeSlices slices = new(Region(3 * Slice), new PageRange(0, 3 * Slice), counts: false);
        Assert.False(slices.AwaitsEvents(unread));
        slices.Take(Done);
        Assert.True(slices.AwaitsEvents(unread));
        Assert.False(slices.AwaitsEvents(new IoctlResult(Errno.EAGAIN, 4096)));
        Assert.False(slices.AwaitsEvents(new IoctlResult(Errno.ENOENT, null)));
    }

    [Fact]
    public void A_refusal_that_the_cut_may_have_caused_is_asked_again_with_the_slice_before()
    {
        IoctlResult refused = new(Errno.ENOENT, null);
        RangeSlices slices = new(Region(5 * Slice), new PageRange(0, 5 * Slice), counts: false);
        slices.Take(Done);
        slices.Take(refused);
        Assert.Equal(new PageRange(0, 2 * Slice), slices.Next);
        slices.Take(Done);

        // The second slice has no mapping, so the first stands for the third too.
        Assert.Equal(new PageRange(2 * Slice, 3 * Slice), slices.Next);
        slices.Take(refused);
        Assert.Equal(new PageRange(0, 3 * Slice), slices.Next);
        slices.Take(refused);
        Assert.Equal(new IoctlResult(Errno.ENOENT, 2 * RangeSlices.Bytes), slices.Result);
    }

    [Fact]
    public void Where_there_is_no_slice_before_or_no_room_for_a_cut_a_single_call_decides()
    {
        RangeSlices slices = new(Region(3 * Slice), new PageRange(0, 3 * Slice), counts: false);
        slices.Take(new IoctlResult(Errno.ENOENT, null));
        Assert.Equal(new PageRange(0, 3 * Slice), slices.Next);
        slices.Take(new IoctlResult(Errno.ENOENT, null));
        Assert.Equal(new IoctlResult(Errno.ENOENT, null), slices.Result);

        slices = new(Region(3 * Slice), new PageRange(0, 3 * Slice), counts: false);
        slices.Take(Done);
        slices.Take(new IoctlResult(Errno.ENOMEM, null));
        Assert.Equal(new PageRange(Slice, 3 * Slice), slices.Next);
        slices.Take(Done);
        Assert.Equal(Done, slices.Result);
    }

    private static GuestRegion Region(long pages, int pageBytes = PageSize.Base, ulong address = 0x1000_0000_0000) =>
        new(0, address, pages, null, pageBytes, 0);

    private static List<PageRange> Cut(GuestRegion region, PageRange pages)
    {
        List<PageRange> cut = [];
        RangeSlices slices = new(region, pages, counts: false);
        while (slices.Result is null)
        {
            cut.Add(slices.Next);
            slices.Take(Done);
        }

        Assert.Equal(Done, slices.Result);
        Assert.Equal(slices.BytesInAll, slices.BytesDone);
        return cut;
    }
}
