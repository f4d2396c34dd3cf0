using CsCheck;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Tests.Actors;

namespace UffdActors.Tests.Handling;

/// <summary>What the ring remembers, against naive models that keep it page by page.</summary>
public sealed class BookkeepingTests
{
    private const int Pages = 200;

    [Fact]
    public void A_page_bitmap_is_a_set_of_pages()
    {
        Gen<(int Kind, long Page)> step = Gen.Select(Gen.Int[0, 4], Gen.Long[0, Pages - 1]);
        step.List[1, 80].Sample(steps =>
        {
            PageBitmap bitmap = new(Pages);
            SortedSet<long> model = [];
            foreach ((int kind, long page) in steps)
            {
                if (kind < 2) Assert.Equal(model.Add(page), bitmap.Set(page));
                else if (kind == 2) Clear(bitmap, model, page);
                else if (kind == 4) SetRange(bitmap, model, page / 2, page - (page / 2));
                else Assert.Equal(
                    Enumerable.Range((int)page, Pages - (int)page).Select(p => (long)p).FirstOrDefault(p => !model.Contains(p), Pages),
                    bitmap.NextClear(page));
            }

            Assert.Equal(model.Count, bitmap.Count);
            for (long page = 0; page < Pages; page++) Assert.Equal(model.Contains(page), bitmap.Contains(page));
        });
    }

    [Fact]
    public void Of_many_threads_that_set_a_page_one_is_the_first()
    {
        PageBitmap bitmap = new(Pages);
        int firsts = 0;
        Parallel.For(0, 8 * Pages, i =>
        {
            if (bitmap.Set(i % Pages)) Interlocked.Increment(ref firsts);
        });
        Assert.Equal((Pages, (long)Pages), (firsts, bitmap.Count));
    }

    [Fact]
    public void The_table_of_outstanding_pages_is_a_dictionary_whatever_its_chains_look_like()
    {
        FaultReader reader = Reader(out HandlerSlot slot);
        // Few addresses and many steps, so that the chains grow, and break in the middle.
        Gen<(bool Add, ulong Page)> step = Gen.Select(Gen.Bool, Gen.ULong[0, 60]);
        step.List[1, 200].Sample(steps =>
        {
            OutstandingPages table = new();
            Dictionary<ulong, PageRequest> model = [];
            foreach ((bool add, ulong page) in steps)
            {
                ulong address = page << 12;
                PageRequest? known = model.GetValueOrDefault(address);
                Assert.Same(known, table.Find(address));
                if (add && known is null)
                {
                    PageRequest request = new(reader, slot, new ManualTime()) { Address = address };
                    table.Add(request);
                    model.Add(address, request);
                }
                else if (!add && known is not null)
                {
                    Assert.True(table.Remove(known));
                    Assert.False(table.Remove(known));
                    _ = model.Remove(address);
                }
            }

            Assert.Equal(model.Count, table.Count);
            Assert.Equal(model.Values.OrderBy(r => r.Address), table.All().OrderBy(r => r.Address));
        });
    }

    [Fact]
    public void A_view_knows_after_any_events_where_each_page_is_and_what_was_removed()
    {
        Gen<(int Kind, int At, int Count, int To)> step = Gen.Select(Gen.Int[0, 2], Gen.Int[0, 60], Gen.Int[1, 12], Gen.Int[0, 60]);
        step.List[0, 12].Sample(steps =>
        {
            RegionView view = RegionView.Empty
                .With(Region(0, 0, 20))
                .With(Region(1, 30, 10));
            // For every page of the address space: which page of which region it is; and whether it holds zeros now.
            (int Region, long Page)?[] where = new (int, long)?[80];
            bool[] removed = new bool[80];
            for (int i = 0; i < 20; i++) where[i] = (0, i);
            for (int i = 0; i < 10; i++) where[30 + i] = (1, i);
            foreach ((int kind, int at, int count, int to) in steps)
            {
                PageRange range = new(at, at + count);
                switch (kind)
                {
                    case 0:
                        view.Remove(range);
                        // What is removed is pages of regions, not addresses: elsewhere there is nothing to remove.
                        for (int i = at; i < at + count; i++) removed[i] = where[i] is not null;
                        break;
                    case 1:
                        view = view.AfterUnmap(range);
                        for (int i = at; i < at + count; i++) (where[i], removed[i]) = (null, false);
                        break;
                    default:
                        // mremap takes to a place that is free, as the kernel unmaps the target first.
                        if (Math.Abs(to - at) < count || Enumerable.Range(to, count).Any(i => where[i] is not null)) continue;
                        view = view.AfterRemap(range, to);
                        for (int i = 0; i < count; i++)
                        {
                            (where[to + i], where[at + i]) = (where[at + i], null);
                            (removed[to + i], removed[at + i]) = (removed[at + i], false);
                        }

                        break;
                }

            }

            for (int page = 0; page < 80; page++)
            {
                ServedRegion? region = view.Find(page);
                Assert.Equal(where[page], region is null ? null : (region.Id, region.PageOf(page)));
                if (where[page] is not null) Assert.Equal(removed[page], view.IsRemoved(page));
            }
        });
    }

    [Fact]
    public void An_event_costs_the_same_however_many_parts_the_events_before_it_have_left()
    {
        const int Many = 40_000;
        const int BytesAnEvent = 16 << 10;
        RegionView view = RegionView.Empty.With(Region(0, 0, Many));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (long page = 1; page < Many; page += 2) view = view.AfterUnmap(new PageRange(page, page + 1));

        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / (Many / 2), 0, BytesAnEvent);
        Assert.Equal(Enumerable.Range(0, Many / 2).Select(i => 2L * i), view.Regions.Select(r => r.Range.Start));
        for (int page = 0; page < Many; page++) Assert.Equal(page % 2 == 0, view.Find(page) is not null);
    }

    [Fact]
    public void A_view_of_many_parts_is_what_each_page_says()
    {
        const int Many = 6000;
        Random random = new(1);
        (int Region, long Page)?[] where = new (int, long)?[3 * Many];
        RegionView view = RegionView.Empty;
        for (int i = 0; i < 3; i++)
        {
            view = view.With(Region(i, i * Many, Many - 100));
            for (int page = 0; page < Many - 100; page++) where[(i * Many) + page] = (i, page);
        }

        for (int i = 0; i < 8000; i++)
        {
            int at = random.Next(where.Length - 8);
            int count = 1 + random.Next(i % 500 == 0 ? Math.Min(2000, where.Length - at) : 3);
            int to = random.Next(where.Length - count);
            if (random.Next(3) > 0)
            {
                view = view.AfterUnmap(new PageRange(at, at + count));
                Array.Fill(where, null, at, count);
            }
            else if (Math.Abs(to - at) >= count)
            {
                (int, long)?[] moved = where[at..(at + count)];
                view = view.AfterRemap(new PageRange(at, at + count), to);
                Array.Fill(where, null, at, count);
                moved.CopyTo(where, to);
            }
        }

        ServedRegion[] parts = [.. view.Regions];
        Assert.Equal(parts.Length, view.Regions.Count);
        Assert.True(parts.Length > 1000, $"{parts.Length} parts.");
        for (int i = 1; i < parts.Length; i++) Assert.True(parts[i - 1].Range.End <= parts[i].Range.Start);
        for (int page = 0; page < where.Length; page++)
        {
            ServedRegion? region = view.Find(page);
            Assert.Equal(where[page], region is null ? null : (region.Id, region.PageOf(page)));
            Assert.Equal(where[page] is not null, view.Meets(new PageRange(page, page + 1)));
        }
    }

    private static void SetRange(PageBitmap bitmap, SortedSet<long> model, long page, long count)
    {
        bitmap.Set(page, count);
        for (long i = 0; i < count; i++) _ = model.Add(page + i);
    }

    private static void Clear(PageBitmap bitmap, SortedSet<long> model, long page)
    {
        bitmap.Clear(page);
        _ = model.Remove(page);
    }

    private static ServedRegion Region(int id, long start, long pages) =>
        new(id, new PageRange(start, start + pages), start, ResolveBy.Copy, new RegionPages(pages));

    private static FaultReader Reader(out HandlerSlot slot)
    {
        slot = new HandlerSlot(0, new FakeThread());
        return new FaultReader(new FakeDescriptor(), [slot], RegionView.Empty, new ManualTime(), crashLimit: 1);
    }
}
