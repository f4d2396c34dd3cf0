using UffdActors.Abi;
using UffdActors.Explore.Scenes;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Explore.Tests;

/// <summary>The naive twin of the reader's view, page by page.</summary>
public class PlainViewTests
{
    private const int Region = 2;
    private const long First = 0x100;
    private const int Pages = 4;

    private readonly PlainView _plain = new(unit: 1);

    public PlainViewTests()
    {
        // Its first page of before is gone: page 1 of the region is where it begins.
        ServedRegion region = new(Region, new PageRange(First, First + Pages), First - 1, ResolveBy.Copy, new RegionPages(Pages + 1));
        _plain.Begin(RegionView.Of([region]));
    }

    [Fact]
    public void Every_page_of_a_region_is_served_where_it_is_and_nothing_beside_it() =>
        Assert.Equal([null, 1, 2, 3, 4, null], Served(First - 1, First + Pages));

    [Fact]
    public void What_is_removed_is_so_until_it_is_given_to_a_writer_and_again_when_it_is_removed_again()
    {
        _plain.OnEvent(UffdMsg.Remove(Address(First + 1), Address(First + 3)));
        Assert.Equal([false, true, true, false], PagesOfRegion().Select(p => _plain.IsRemoved((Region, p))));
        _plain.Give((Region, 2));
        Assert.Equal([false, true, false, false], PagesOfRegion().Select(p => _plain.IsGiven((Region, p))));
        _plain.OnEvent(UffdMsg.Remove(Address(First + 1), Address(First + 2)));
        Assert.False(_plain.IsGiven((Region, 2)));
        Assert.False(_plain.IsOvertaken);
    }

    [Fact]
    public void What_is_unmapped_is_served_no_more()
    {
        _plain.OnEvent(UffdMsg.Unmap(Address(First + 1), Address(First + 3)));
        Assert.Equal([1, null, null, 4], Served(First, First + Pages - 1));
        Assert.False(_plain.IsOvertaken);
    }

    [Fact]
    public void What_has_moved_is_served_at_its_new_place_in_place_of_what_was_there()
    {
        _plain.OnEvent(UffdMsg.Remap(Address(First), Address(First + 2), 2 * PageSize.Base));
        Assert.Equal([null, null, 1, 2, null], Served(First, First + Pages));
        _plain.OnEvent(UffdMsg.Unmap(Address(First), Address(First + 2)));
        Assert.False(_plain.IsOvertaken);
    }

    /// <summary>A range that overlaps itself keeps every page of it.</summary>
    [Fact]
    public void A_move_by_one_page_loses_none()
    {
        _plain.OnEvent(UffdMsg.Remap(Address(First), Address(First + 1), Pages * PageSize.Base));
        Assert.Equal([null, 1, 2, 3, 4, null], Served(First, First + Pages + 1));
    }

    [Fact]
    public void An_event_about_what_is_not_served_has_overtaken_another()
    {
        _plain.OnEvent(UffdMsg.Remove(Address(First + Pages), Address(First + Pages + 1)));
        Assert.True(_plain.IsOvertaken);

        PlainView moved = new(unit: 1);
        moved.OnEvent(UffdMsg.Remap(Address(First), Address(First + 8), PageSize.Base));
        Assert.True(moved.IsOvertaken);
    }

    [Fact]
    public void An_unmap_of_a_place_that_was_moved_from_may_be_about_what_has_come_there()
    {
        _plain.OnEvent(UffdMsg.Remap(Address(First), Address(First + 8), PageSize.Base));
        _plain.OnEvent(UffdMsg.Remap(Address(First + 1), Address(First), PageSize.Base));
        Assert.False(_plain.IsOvertaken);
        _plain.OnEvent(UffdMsg.Unmap(Address(First), Address(First + 1)));
        Assert.True(_plain.IsOvertaken);
    }

    private static IEnumerable<long> PagesOfRegion() => Enumerable.Range(1, Pages).Select(p => (long)p);

    private IEnumerable<int?> Served(long first, long last)
    {
        for (long page = first; page <= last; page++)
        {
            (int Region, long Page)? place = _plain.At(page);
            if (place is { } served) Assert.Equal(Region, served.Region);
            yield return (int?)place?.Page;
        }
    }

    private static ulong Address(long page) => PageSize.AddressOf(page);
}
