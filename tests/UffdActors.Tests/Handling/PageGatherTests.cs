using System.Collections.Immutable;
using CsCheck;
using UffdActors.Handling;
using UffdActors.Model.Memory;

namespace UffdActors.Tests.Handling;

/// <summary>A larger page out of answers about its base pages.</summary>
public sealed class PageGatherTests : IDisposable
{
    private const int Pages = 16;
    private const long First = 32;
    private const int Offset = 2 * PageSize.Base;

    private readonly NativeBuffer _source = new((Pages + 8) * PageSize.Base);
    private readonly NativeBuffer _buffer = new((Pages + 4) * PageSize.Base);
    private readonly PageGather _gather = new(Pages);

    public PageGatherTests()
    {
        for (int page = 0; page < Pages + 8; page++) _source.Write((long)page << PageSize.BaseShift, Page((byte)(page + 1)));
        _buffer.Write(0, [.. Enumerable.Repeat((byte)0xEE, (Pages + 4) * PageSize.Base)]);
        _gather.Begin(First, _buffer, Offset);
    }

    public void Dispose()
    {
        _source.Dispose();
        _buffer.Dispose();
    }

    // The next page of a chunk, whose pieces come one after the other, and the same page once more.
    [Theory]
    [InlineData(Pages, Pages)]
    [InlineData(-Pages, Pages)]
    [InlineData(0, Pages)]
    [InlineData(0, 1)]
    public void A_page_that_has_come_all_at_once_stays_what_it_is(int first, int count)
    {
        Assert.True(_gather.Add(First, Pages, SourceContent.Bytes, AddressOf(0)));
        Assert.True(_gather.Add(First + first, count, SourceContent.Zero, 0));
        Assert.Equal((SourceContent.Bytes, AddressOf(0)), (_gather.Content, _gather.Data));
    }

    [Fact]
    public void Short_late_repeated_and_overlapping_answers_make_the_same_page()
    {
        Gen<(int First, int Count, bool Zero)> answer = Gen.Select(Gen.Int[-4, Pages + 3], Gen.Int[1, 8], Gen.Bool);
        answer.List[0, 40].Sample(answers =>
        {
            using NativeBuffer buffer = new(Pages * PageSize.Base);
            buffer.Write(0, [.. Enumerable.Repeat((byte)0xEE, Pages * PageSize.Base)]);
            PageGather gather = new(Pages);
            gather.Begin(First, buffer);
            int[] expected = [.. Enumerable.Repeat(-1, Pages)];
            foreach ((int first, int count, bool zero) in answers)
            {
                bool before = !expected.Contains(-1);
                for (int page = Math.Max(first, 0); page < Math.Min(first + count, Pages); page++)
                    if (expected[page] < 0) expected[page] = zero ? 0 : page + 5;
                bool done = gather.Add(First + first, count, zero ? SourceContent.Zero : SourceContent.Bytes, zero ? 0 : AddressOf(first));
                Assert.Equal(!expected.Contains(-1), done);
                if (before) break;
            }

            for (int page = 0; page < Pages; page++)
            {
                if (expected[page] < 0) expected[page] = page + 5;
                _ = gather.Add(First + page, 1, SourceContent.Bytes, AddressOf(page));
            }

            Assert.Equal(expected.All(e => e == 0) ? SourceContent.Zero : SourceContent.Bytes, gather.Content);
            if (gather.Content == SourceContent.Zero) return;
            Assert.Equal(buffer.Address, gather.Data);
            for (int page = 0; page < Pages; page++) Assert.Equal(Page((byte)expected[page]), Read(buffer, page));
        });
    }

    [Fact]
    public void One_answer_about_all_of_it_is_used_from_where_it_is()
    {
        Assert.True(_gather.Add(First - 2, Pages + 4, SourceContent.Bytes, AddressOf(-2)));
        Assert.Equal((SourceContent.Bytes, AddressOf(0)), (_gather.Content, _gather.Data));
        Assert.Equal(Page(0xEE), Read(_buffer, 2));
    }

    [Fact]
    public void Bytes_that_the_source_has_put_at_their_place_stay_there()
    {
        _buffer.Write(Offset + (3 * PageSize.Base), Page(77));
        Assert.False(_gather.Add(First + 3, 1, SourceContent.Bytes, _buffer.Address + Offset + (3 * PageSize.Base)));
        Assert.False(_gather.Add(First, 3, SourceContent.Zero, 0));
        Assert.True(_gather.Add(First + 4, Pages - 4, SourceContent.Zero, 0));
        Assert.Equal((SourceContent.Bytes, _buffer.Address + Offset), (_gather.Content, _gather.Data));
        Assert.Equal([.. Page(0), .. Page(77), .. Page(0)], [.. Read(_buffer, 4), .. Read(_buffer, 5), .. Read(_buffer, 6)]);
        // Nothing beside it is touched.
        Assert.Equal([.. Page(0xEE), .. Page(0xEE)], [.. Read(_buffer, 1), .. Read(_buffer, Pages + 2)]);
    }

    [Fact]
    public void It_begins_again_with_nothing_of_before()
    {
        Assert.True(_gather.Add(First, Pages, SourceContent.Bytes, AddressOf(0)));
        _gather.Begin(First, _buffer, Offset);
        Assert.False(_gather.Add(First, 1, SourceContent.Zero, 0));
        Assert.True(_gather.Add(First + 1, Pages - 1, SourceContent.Zero, 0));
        Assert.Equal((SourceContent.Zero, 0), (_gather.Content, _gather.Data));
    }

    [Fact]
    public void A_phantom_page_has_the_first_stamp()
    {
        for (int page = 0; page < Pages; page++)
            Assert.Equal(page == Pages - 1, _gather.Add(First + page, 1, SourceContent.Stamp, 100 + page));
        Assert.Equal((SourceContent.Stamp, 100), (_gather.Content, _gather.Data));
    }

    [Fact]
    public void What_was_removed_is_zeros_and_the_sources_own_memory_is_not_written_to()
    {
        Assert.True(_gather.Add(First, Pages, SourceContent.Bytes, AddressOf(0)));
        RegionPages region = new(First + (2 * Pages));
        region.Remove(First - 5, 7);
        region.Remove(First + 7, 1);
        region.Remove(First + Pages, 9);
        _gather.Drop(region);
        Assert.Equal((SourceContent.Bytes, _buffer.Address + Offset), (_gather.Content, _gather.Data));
        for (int page = 0; page < Pages; page++) Assert.Equal(Page((byte)(page is 0 or 1 or 7 ? 0 : page + 5)), Read(_buffer, page + 2));
        Assert.Equal(Page(5), Read(_source, 4));

        region.Remove(First, Pages);
        _gather.Drop(region);
        Assert.Equal((SourceContent.Zero, 0), (_gather.Content, _gather.Data));
    }

    private nint AddressOf(long page) => _source.Address + (nint)((page + 4) << PageSize.BaseShift);

    private static byte[] Page(byte value) => [.. Enumerable.Repeat(value, PageSize.Base)];

    private static byte[] Read(NativeBuffer buffer, long page)
    {
        byte[] bytes = new byte[PageSize.Base];
        buffer.Read(page << PageSize.BaseShift, bytes);
        return bytes;
    }
}
