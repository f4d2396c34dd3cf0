using CsCheck;
using UffdActors.Model.Memory;

namespace UffdActors.Model.Tests;

/// <summary>The radix table against a dictionary.</summary>
public class WordTableTests
{
    private static readonly Gen<long> Index = Gen.OneOf(
        Gen.Long[0, 3000],
        Gen.Long[WordTable.Length - 3000, WordTable.Length - 1],
        Gen.Long[(1L << 32) - 1500, (1L << 32) + 1500]);

    [Fact]
    public void A_table_holds_what_was_written_whatever_the_order_of_writes_and_fills()
    {
        Gen<(int Kind, long At, int Count, uint Word)> step = Gen.Select(Gen.Int[0, 2], Index, Gen.Int[1, 1600], Gen.UInt[0, 5]);
        step.List[1, 40].Sample(steps =>
        {
            using WordTable table = new(wide: steps.Count % 2 == 0);
            Dictionary<long, uint> model = [];
            foreach ((int kind, long at, int count, uint word) in steps)
            {
                switch (kind)
                {
                    case 0:
                        table.Set(at, word);
                        model[at] = word;
                        break;
                    case 1:
                        uint seen = model.GetValueOrDefault(at);
                        Assert.Equal(seen, table.CompareExchange(at, word, seen));
                        Assert.Equal(word, table.CompareExchange(at, word + 1, word + 7));
                        model[at] = word;
                        break;
                    default:
                        long end = Math.Min(at + count, WordTable.Length);
                        table.Fill(at, end - at, word);
                        for (long i = at; i < end; i++) model[i] = word;
                        break;
                }
            }

            foreach ((long at, uint word) in model) Assert.Equal(word, table.Get(at));
        });
    }

    [Fact]
    public void Runs_cover_a_range_without_gap_and_tell_the_truth()
    {
        Gen<(long At, int Count, uint Word)> fill = Gen.Select(Gen.Long[0, 4000], Gen.Int[1, 1600], Gen.UInt[0, 3]);
        fill.List[0, 6].Sample(fills =>
        {
            using WordTable table = new(wide: true);
            foreach ((long at, int count, uint word) in fills) table.Fill(at, count, word);
            for (long at = 0; at < 6000;)
            {
                uint word = table.Run(at, 6000, out long length);
                Assert.InRange(length, 1, 6000 - at);
                for (long i = at; i < at + length; i++) Assert.Equal(word, table.Get(i));
                at += length;
            }
        });
    }

    [Fact]
    public void A_terabyte_of_one_word_costs_a_word_for_two_megabytes()
    {
        using WordTable table = new(wide: false);
        long pages = 1L << 28;
        table.Fill(0, pages, 9);
        Assert.Equal(9u, table.Get(pages - 1));
        Assert.Equal(0u, table.Get(pages));
        Assert.InRange(table.AllocatedBytes, 1, 8 << 20);
    }

    [Fact]
    public void Changing_one_word_of_an_extent_leaves_the_others()
    {
        using WordTable table = new(wide: false);
        table.Fill(512, 512, 9);
        table.Set(700, 4);
        Assert.Equal([9u, 4u, 9u], [table.Get(699), table.Get(700), table.Get(701)]);
    }

    [Fact]
    public void A_leaf_is_there_from_its_first_word_or_from_when_it_is_made_until_it_is_dropped()
    {
        using WordTable table = new(wide: false);
        Assert.False(table.HasLeaf(512));
        table.AddLeaf(600);
        Assert.Equal((false, true, true, false), (table.HasLeaf(511), table.HasLeaf(512), table.HasLeaf(1023), table.HasLeaf(1024)));

        table.Set(600, 7);
        table.Set(600, 0);
        Assert.True(table.HasLeaf(512));
        table.DropLeaves(512, 1024);
        Assert.Equal((false, 0u), (table.HasLeaf(600), table.Get(600)));
        Assert.Equal(0u, table.Run(512, 1024, out long length));
        Assert.Equal(512, length);

        table.Fill(512, 512, 3);
        Assert.Equal((true, 3u, 3u), (table.HasLeaf(600), table.Get(512), table.Get(1023)));
        table.Fill(512, 512, 0);
        Assert.True(table.HasLeaf(600));
    }

    [Fact]
    public void A_dropped_leaf_is_used_again_at_its_place()
    {
        using WordTable table = new(wide: true);
        table.Set(600, 7);
        long bytes = table.AllocatedBytes;
        for (uint round = 1; round < 100; round++)
        {
            table.Set(600, 0);
            table.DropLeaves(512, 1024);
            Assert.Equal(0u, table.CompareExchange(601, round, 0));
            Assert.Equal((0u, round), (table.Get(600), table.Get(601)));
            table.Set(601, 0);
            if (round % 2 == 0) table.AddLeaf(512);
        }

        Assert.Equal(bytes, table.AllocatedBytes);
    }

    [Fact]
    public void Dropping_a_large_range_finds_all_leaves_in_it_and_no_other()
    {
        Gen.Select(Gen.Long[0, 1 << 13].Array[1, 12], Gen.Long[0, 1 << 13], Gen.Long[0, 1 << 13]).Sample((leaves, from, to) =>
        {
            // Leaves far enough apart that some nodes above them are missing.
            const long Apart = 512 * 37;
            using WordTable table = new(wide: false);
            foreach (long leaf in leaves) table.AddLeaf(leaf * Apart);
            table.DropLeaves(from * Apart, to * Apart);
            foreach (long leaf in leaves) Assert.Equal(leaf < from || leaf >= to, table.HasLeaf(leaf * Apart));
        });
    }
}
