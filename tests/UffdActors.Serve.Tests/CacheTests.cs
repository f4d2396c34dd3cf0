using UffdActors.Model.Memory;
using UffdActors.Serve.Content;

namespace UffdActors.Serve.Tests;

/// <summary>Content that sessions share in memory.</summary>
[Collection(ServeCollection.Name)]
public sealed class CacheTests(VmmPrograms programs)
{
    private const int ChunkPages = ContentCache.ChunkBytes / 4096;
    private const int Chunks = (int)ServeScene.Pages / ChunkPages;

    [SkippableFact]
    public async Task However_many_guests_are_there_a_chunk_is_fetched_once()
    {
        VmmPrograms.Require();
        using ContentCache cache = new(ContentCache.MinBytes);
        using BackEnd backEnd = new(ServeScene.Pages);
        await using ServeScene scene = new(programs, how: o => o with { Cache = cache, BackEnd = backEnd });
        List<VmmProcess> vmms = [];
        for (int i = 0; i < 3; i++) vmms.Add(scene.Start("firecracker-1.16", ServeScene.Bytes, "2"));
        foreach (VmmProcess vmm in vmms) Assert.Contains("verified", await vmm.EndAsync(), StringComparison.Ordinal);
        // And for one that comes later.
        vmms.Add(scene.Start("firecracker-1.16", ServeScene.Bytes, "1", "balloon"));
        _ = await vmms[3].EndAsync();
        foreach (VmmProcess vmm in vmms) await vmm.DisposeAsync();
        Assert.Equal(Enumerable.Range(0, Chunks).Select(c => (long)c * ChunkPages), backEnd.Asked.Order());
        ContentCacheFigures figures = cache.Figures();
        Assert.Equal((Chunks, 0), (figures.Fetches, figures.Evicted));
        Assert.Equal((ServeScene.Pages * 4096, Chunks * (long)ContentCache.ChunkBytes), (figures.BytesFetched, figures.BytesHeld));
        Assert.True(figures.Hits > figures.Misses, $"{figures}");
    }

    [SkippableFact]
    public async Task Sessions_of_the_same_files_share_it_and_holes_cost_nothing()
    {
        VmmPrograms.Require();
        using ContentCache cache = new(ContentCache.MinBytes);
        await using ServeScene scene = new(programs, how: o => o with { Cache = cache });
        for (int i = 0; i < 2; i++)
        {
            await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "3");
            Assert.Contains("verified", await vmm.EndAsync(), StringComparison.Ordinal);
            _ = await scene.NextAsync(ServeEventKind.Began);
            SessionFigures figures = (await scene.NextAsync(ServeEventKind.Ended)).Session!.Figures();
            Assert.Equal(ServeScene.Pages * 3 / 4, figures.ContentPages);
            Assert.Equal(ServeScene.Pages / 4, figures.ZeroPages);
            Assert.Equal(Chunks, cache.Figures().Fetches);
            // The files are closed with the last session; their content stays.
            Assert.Empty(scene.Descriptors());
        }
    }

    [Fact]
    public void Orders_that_come_while_a_chunk_is_fetched_wait_for_it()
    {
        using ContentCache cache = new(ContentCache.MinBytes);
        using BackEnd backEnd = new(100) { HoldsBack = true };
        using IContent one = cache.Open("a", new Direct(backEnd));
        using IContent other = cache.Open("a", new Direct(backEnd));
        Asker first = new();
        Asker second = new();
        first.Ask(one, page: 60, pages: 10);
        second.Ask(other, page: 63, pages: 1);
        // Two chunks, the second of them short.
        Assert.Equal([0, 64], backEnd.Asked);
        backEnd.LetGo();
        first.AssertRight();
        second.AssertRight();
        Assert.Equal(2, cache.Figures().Misses);
        Asker third = new();
        third.Ask(one, page: 99, pages: 1);
        third.AssertRight();
        Assert.Equal((2, 1), (cache.Figures().Fetches, cache.Figures().Hits));
    }

    [Fact]
    public void A_fetch_that_fails_fails_whoever_waits_and_the_next_order_fetches_again()
    {
        using ContentCache cache = new(ContentCache.MinBytes);
        using BackEnd backEnd = new(200) { HoldsBack = true, Failing = 64 };
        using IContent content = cache.Open("a", new Direct(backEnd));
        Asker asker = new();
        asker.Ask(content, page: 60, pages: 100);
        backEnd.LetGo();
        // Told once, when the last of its chunks is over.
        Assert.Equal("page 64 cannot be had", Assert.Single(asker.Failures).Message);
        backEnd.HoldsBack = false;
        backEnd.Failing = -1;
        Asker again = new();
        again.Ask(content, page: 60, pages: 100);
        again.AssertRight();
        Assert.Equal([0, 64, 128, 64], backEnd.Asked);
    }

    [Fact]
    public void Fetches_that_have_failed_leave_room_for_others()
    {
        using ContentCache cache = new(ContentCache.MinBytes);
        using BackEnd backEnd = new(ChunkPages) { Failing = 0 };
        using IContent content = cache.Open("a", new Direct(backEnd));
        // More than may be under way at a time.
        for (int i = 0; i < 40; i++)
        {
            Asker asker = new();
            asker.Ask(content, page: 5, pages: 1);
            _ = Assert.Single(asker.Failures);
        }

        backEnd.Failing = -1;
        Asker last = new();
        last.Ask(content, page: 5, pages: 1);
        last.AssertRight();
    }

    [Fact]
    public void An_order_over_a_chunk_that_is_there_and_one_that_is_fetched_waits()
    {
        using ContentCache cache = new(ContentCache.MinBytes);
        using BackEnd backEnd = new(2 * ChunkPages);
        using IContent content = cache.Open("a", new Direct(backEnd));
        Asker there = new();
        there.Ask(content, page: 3, pages: 1);
        there.AssertRight();
        backEnd.HoldsBack = true;
        Asker fetches = new();
        fetches.Ask(content, page: ChunkPages, pages: 1);
        Asker both = new();
        both.Ask(content, page: ChunkPages - 4, pages: 8);
        Assert.False(both.Answered.IsCompleted);
        backEnd.LetGo();
        fetches.AssertRight();
        both.AssertRight();
    }

    [Fact]
    public void A_chunk_that_is_being_copied_from_is_not_evicted()
    {
        const int Others = 2 * (int)(ContentCache.MinBytes / ContentCache.ChunkBytes);
        using ContentCache cache = new(ContentCache.MinBytes);
        using BackEnd backEnd = new((1 + Others) * ChunkPages);
        using IContent content = cache.Open("a", new Direct(backEnd));
        Asker first = new();
        first.Ask(content, page: 5, pages: 1);
        // In the middle of its answer all other chunks are asked for, one after the other.
        Asker copying = new()
        {
            WhenReceived = () =>
            {
                for (int chunk = 1; chunk <= Others; chunk++) new Asker().Ask(content, chunk * ChunkPages, 1);
            },
        };
        copying.Ask(content, page: 5, pages: 1);
        copying.AssertRight();
        Assert.True(cache.Figures().Evicted > 0);
        Asker last = new();
        last.Ask(content, page: 6, pages: 1);
        last.AssertRight();
        Assert.Equal(1, backEnd.Asked.Count(page => page == 0));
    }

    /// <summary>What was ordered twice is complete with the first answer; the second is still written to its buffer.</summary>
    [Fact]
    public void A_late_answer_to_a_second_order_is_written_over_no_other_chunk()
    {
        const int Held = (int)(ContentCache.MinBytes / ContentCache.ChunkBytes);
        // The chunk that was asked for twice was used since it came, and goes only in the second round.
        const int Others = 2 * Held + 8;
        using ContentCache cache = new(ContentCache.MinBytes);
        using BackEnd backEnd = new((1 + Others) * ChunkPages) { HoldsBack = true };
        using IContent content = cache.Open("a", new Direct(backEnd));
        Asker asker = new();
        asker.Ask(content, page: 5, pages: 1);
        asker.AskAgain(content);
        backEnd.LetGoOne();
        asker.AssertRight();
        backEnd.HoldsBack = false;
        for (int chunk = 1; chunk <= Others; chunk++) new Asker().Ask(content, chunk * ChunkPages, 1);
        Assert.True(cache.Figures().Evicted > Held);
        backEnd.LetGo();
        for (int chunk = Others; chunk > Others - (Held / 2); chunk--)
        {
            Asker again = new();
            again.Ask(content, chunk * ChunkPages, ChunkPages);
            again.AssertRight();
        }
    }

    /// <summary>Its buffer is of no use to it, and of none to others as long as the second answer may come.</summary>
    [Fact]
    public void A_late_answer_to_a_second_order_of_zeros_is_written_over_no_other_chunk()
    {
        using ContentCache cache = new(ContentCache.MinBytes);
        using BackEnd backEnd = new(2 * ChunkPages) { HoldsBack = true, ZeroPages = ChunkPages };
        using IContent content = cache.Open("a", new Direct(backEnd));
        Asker zeros = new() { ZeroPages = ChunkPages };
        zeros.Ask(content, page: 5, pages: 1);
        zeros.AskAgain(content);
        backEnd.LetGoOne();
        zeros.AssertRight();
        backEnd.HoldsBack = false;
        new Asker().Ask(content, ChunkPages, ChunkPages);
        _ = backEnd.LetGo();
        Asker again = new();
        again.Ask(content, ChunkPages, ChunkPages);
        again.AssertRight();
    }

    [Fact]
    public void An_asker_that_has_heard_nothing_and_asks_again_has_it_fetched_again()
    {
        using ContentCache cache = new(ContentCache.MinBytes);
        using BackEnd backEnd = new(64) { HoldsBack = true };
        using IContent content = cache.Open("a", new Direct(backEnd));
        Asker asker = new();
        asker.Ask(content, page: 5, pages: 1);
        asker.AskAgain(content);
        Assert.Equal([0, 0], backEnd.Asked);
        backEnd.LetGo();
        asker.AssertRight();
    }

    [Fact]
    public void It_holds_no_more_than_it_may_and_what_was_dropped_is_fetched_again()
    {
        const int Count = 100;
        using ContentCache cache = new(ContentCache.MinBytes);
        using BackEnd backEnd = new(Count * ChunkPages);
        using IContent content = cache.Open("a", new Direct(backEnd));
        for (int round = 0; round < 2; round++)
        {
            for (int chunk = 0; chunk < Count; chunk++)
            {
                Asker asker = new();
                asker.Ask(content, (chunk * ChunkPages) + 17, 1);
                asker.AssertRight();
                // One chunk that is used all the time stays.
                Asker kept = new();
                kept.Ask(content, 1, 1);
                kept.AssertRight();
                Assert.InRange(cache.Figures().BytesHeld, 0, ContentCache.MinBytes);
            }
        }

        Assert.Equal(1, backEnd.Asked.Count(page => page == 0));
        Assert.Equal((2 * Count) - 1, cache.Figures().Fetches);
        Assert.Equal((2 * Count) - 1 - (ContentCache.MinBytes / ContentCache.ChunkBytes), cache.Figures().Evicted);
    }

    [Fact]
    public void More_chunks_at_once_than_may_be_under_way_come_in_turns()
    {
        using ContentCache cache = new(ContentCache.MinBytes);
        using BackEnd backEnd = new(50 * ChunkPages) { HoldsBack = true };
        using IContent content = cache.Open("a", new Direct(backEnd));
        Asker asker = new();
        asker.Ask(content, 0, 50 * ChunkPages);
        Assert.Equal(32, backEnd.Asked.Count);
        while (backEnd.LetGo())
        {
            // Each gives room for another.
        }

        asker.AssertRight();
        Assert.Equal(50, backEnd.Asked.Count);
    }

    [Fact]
    public async Task Who_asks_for_much_fetches_little_of_it_in_its_turn()
    {
        using ContentCache cache = new(ContentCache.MinBytes);
        using BackEnd backEnd = new(10 * ChunkPages);
        using IContent content = cache.Open("a", new Direct(backEnd));
        Asker asker = new();
        // As a fault loop, which has other guests.
        Thread loop = new(() => asker.Ask(content, 0, 10 * ChunkPages));
        loop.Start();
        loop.Join();
        await asker.Answered.WaitAsync(ServeScene.Deadline);
        asker.AssertRight();
        Assert.Equal(10, backEnd.Asked.Count);
        Assert.Equal(2, backEnd.Askers.Count(thread => thread == loop.ManagedThreadId));
    }

    [Fact]
    public void A_file_that_was_written_to_is_another_snapshot()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("uffd-cache-");
        try
        {
            string path = Path.Combine(folder.FullName, "memory");
            SnapshotFile.Write(path, 16);
            using MemoryLayers before = MemoryLayers.Open(path, []);
            using (MemoryLayers same = MemoryLayers.Open(path, [])) Assert.Equal(before.Key, same.Key);
            using (MemoryLayers twice = MemoryLayers.Open(path, [path])) Assert.NotEqual(before.Key, twice.Key);
            File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch);
            using MemoryLayers after = MemoryLayers.Open(path, []);
            Assert.NotEqual(before.Key, after.Key);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // A back end is asked on the thread that asks, so that a test knows when it has been.
    private sealed class Direct(BackEnd backEnd) : IContent
    {
        public long Pages => backEnd.Pages;

        public (bool IsZero, int Pages) RunAt(long page, int most) => (false, most);

        public bool TryAnswer(in PageOrder order, long distance, ContentReader reader, IPageReceiver receiver) => false;

        public void Request(in PageOrder order, long distance, ContentReader reader, IPageReceiver receiver) =>
            backEnd.Request(order with { FirstPage = order.FirstPage + distance }, receiver);

        public void Dispose()
        {
        }
    }

    private sealed class BackEnd(long pages) : IPageSource
    {
        private readonly Queue<(PageOrder Order, IPageReceiver Receiver)> _held = new();

        public List<long> Asked { get; } = [];

        public List<int> Askers { get; } = [];

        public bool HoldsBack { get; set; }

        public long Failing { get; set; } = -1;

        /// <summary>First pages that are zeros; it reads them as what they are before it sees that.</summary>
        public long ZeroPages { get; init; }

        public long Pages => pages;

        public bool AnswersAtOnce => false;

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            Assert.Equal(0, order.Region);
            Asked.Add(order.FirstPage);
            Askers.Add(Environment.CurrentManagedThreadId);
            if (HoldsBack) _held.Enqueue((order, receiver));
            else Answer(order, receiver);
        }

        // Those that were held when it was called.
        public bool LetGo()
        {
            for (int held = _held.Count; held > 0; held--)
            {
                (PageOrder order, IPageReceiver receiver) = _held.Dequeue();
                Answer(order, receiver);
            }

            return _held.Count > 0;
        }

        // The one that was held first.
        public void LetGoOne()
        {
            (PageOrder order, IPageReceiver receiver) = _held.Dequeue();
            Answer(order, receiver);
        }

        public void Dispose()
        {
        }

        private void Answer(in PageOrder order, IPageReceiver receiver)
        {
            if (order.FirstPage == Failing)
            {
                receiver.Failed(order.Id, new IOException($"page {Failing} cannot be had"));
                return;
            }

            // From the end, and some twice.
            for (int i = order.Pages - 1; i >= 0; i--)
            {
                long page = order.FirstPage + i;
                bool isHole = page < ZeroPages || page % 16 is >= 8 and < 12;
                if (page < ZeroPages) order.Room(page, 1).Clear();
                if (!isHole) SnapshotFile.PageOf(page).CopyTo(order.Room(page, 1));
                nint place = order.Buffer + (i * 4096);
                for (int n = 0; n < 1 + (i % 2); n++)
                    receiver.Received(order.Id, page, 1, isHole ? SourceContent.Zero : SourceContent.Bytes, isHole ? 0 : place);
            }
        }
    }

    private sealed class Asker : IPageReceiver
    {
        private readonly HashSet<long> _missing = [];
        private readonly TaskCompletionSource _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private NativeBuffer? _room;
        private PageOrder _order;

        public List<Exception> Failures { get; } = [];

        public Task Answered => _answered.Task;

        public Action? WhenReceived { get; init; }

        public long ZeroPages { get; init; }

        public void Ask(IContent content, long page, int pages)
        {
            _room = new NativeBuffer(pages * 4096L);
            // An order in pages of a region that lies 3 pages into the file.
            _order = new PageOrder(7, 2, page - 3, pages, Urgency.Demand, _room.Address, CancellationToken.None);
            for (int i = 0; i < pages; i++) _ = _missing.Add(page - 3 + i);
            AskAgain(content);
        }

        public void AskAgain(IContent content) =>
            content.Request(_order, 3, new ContentReader(new ContentReads(), new ReadLane(ReadPool.Shared)), this);

        public void Received(long id, long firstPage, int pages, SourceContent content, nint address)
        {
            Assert.Equal(7, id);
            for (int i = 0; i < pages; i++)
            {
                long page = firstPage + i;
                _ = _missing.Remove(page);
                if (content == SourceContent.Zero) Assert.True(page + 3 < ZeroPages || (page + 3) % 16 is >= 8 and < 12);
                else Assert.True(_order.Room(page, 1).SequenceEqual(SnapshotFile.PageOf(page + 3)), $"page {page}");
            }

            WhenReceived?.Invoke();
            if (_missing.Count == 0) _ = _answered.TrySetResult();
        }

        public void Failed(long id, Exception reason) => Failures.Add(reason);

        public void AssertRight()
        {
            Assert.Empty(Failures);
            Assert.Empty(_missing);
        }
    }
}
