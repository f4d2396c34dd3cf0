using UffdActors.Model.Memory;
using UffdActors.Serve.Content;

namespace UffdActors.Serve.Tests;

/// <summary>What a page of one guest costs on a CPU is done by as many threads as there are CPUs, and not by its fault loop.</summary>
[Collection(ServeCollection.Name)]
public sealed class CpuTests(VmmPrograms programs)
{
    private const int HugePages = PageSize.Huge / PageSize.Base;

    [SkippableFact]
    public async Task A_back_end_that_works_while_it_is_asked_is_asked_by_two_threads_at_once_for_one_guest()
    {
        VmmPrograms.Require();
        RequireCpus();
        using ContentCache cache = new(ContentCache.MinBytes);
        using Meeting backEnd = new(ServeScene.Pages, answersAtOnce: true);
        await using ServeScene scene = new(programs, how: o => o with { Cache = cache, BackEnd = backEnd });
        // Its threads begin in different chunks.
        await using VmmProcess vmm = scene.Start("firecracker-1.16", ServeScene.Bytes, "2");
        Assert.Contains("verified", await vmm.EndAsync(), StringComparison.Ordinal);
        Assert.InRange(backEnd.Most, 2, Environment.ProcessorCount);
    }

    [Fact]
    public void A_back_end_that_answers_later_is_asked_by_one_thread_at_a_time()
    {
        using Meeting backEnd = new(4 * HugePages, answersAtOnce: false);
        using BackEndContent content = new(backEnd);
        ContentReader reader = new(new ContentReads(), new ReadLane(ReadPool.Shared));
        using NativeBuffer buffer = new(PageSize.Huge);
        using CountdownEvent answers = new(64);
        Receiver receiver = new(_ => answers.Signal());
        for (int i = 0; i < 64; i++)
            content.Request(new PageOrder(i, 0, i, 1, Urgency.Demand, buffer.Address, CancellationToken.None), 0, reader, receiver);
        Assert.True(answers.Wait(ServeScene.Deadline));
        Assert.Equal(1, backEnd.Most);
    }

    [SkippableFact]
    public void Huge_pages_that_several_threads_wait_for_are_copied_at_once_and_not_by_the_fault_loop()
    {
        RequireCpus();
        int waiting = 1;
        int here = Environment.CurrentManagedThreadId;
        using Copies content = new();
        using GuestSource source = new(content, [0], 4 * HugePages, touched: null, () => waiting);
        using NativeBuffer buffer = new(PageSize.Huge);
        using CountdownEvent answers = new(2);
        Receiver receiver = new(_ => answers.Signal());
        PageOrder Order(long page, int pages) => new(page, 0, page, pages, Urgency.Demand, buffer.Address, CancellationToken.None);

        // One thread waits: what is at hand is answered in its turn, which costs no hop.
        Assert.True(source.TryAnswer(Order(0, HugePages), new Receiver(_ => { })));
        waiting = 2;
        Assert.True(source.TryAnswer(Order(0, 1), new Receiver(_ => { })));
        for (int page = 0; page < 2; page++)
        {
            PageOrder order = Order(page * HugePages, HugePages);
            Assert.False(source.TryAnswer(order, receiver));
            source.Request(order, receiver);
        }

        Assert.True(answers.Wait(ServeScene.Deadline));
        Assert.DoesNotContain(here, content.Copiers);
    }

    private static void RequireCpus() => Skip.If(Environment.ProcessorCount < 2, "One CPU has nothing to share out.");

    private sealed class Receiver(Action<long> received) : IPageReceiver
    {
        public void Received(long id, long firstPage, int pages, SourceContent content, nint address) => received(id);

        public void Failed(long id, Exception reason) => throw new InvalidOperationException("It failed.", reason);
    }

    /// <summary>Content of which two orders have to be under way at once, or neither is answered.</summary>
    private sealed class Copies : IContent
    {
        private readonly Barrier _both = new(2);

        public List<int> Copiers { get; } = [];

        public long Pages => 4 * HugePages;

        public (bool IsZero, int Pages) RunAt(long page, int most) => (false, most);

        public bool TryAnswer(in PageOrder order, long distance, ContentReader reader, IPageReceiver receiver)
        {
            receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Zero, 0);
            return true;
        }

        public void Request(in PageOrder order, long distance, ContentReader reader, IPageReceiver receiver)
        {
            lock (Copiers) Copiers.Add(Environment.CurrentManagedThreadId);
            if (_both.SignalAndWait(ServeScene.Deadline)) _ = TryAnswer(order, distance, reader, receiver);
        }

        public void Dispose() => _both.Dispose();
    }

    /// <summary>A back end whose first two requests wait for each other, if they may be at once; it counts how many are.</summary>
    private sealed class Meeting(long pages, bool answersAtOnce) : IPageSource
    {
        private readonly Barrier _both = new(2);
        private int _now;
        private int _met;
        private int _most;

        public int Most => _most;

        public long Pages => pages;

        public bool AnswersAtOnce => answersAtOnce;

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            int now = Interlocked.Increment(ref _now);
            for (int most = _most; now > most; most = _most) _ = Interlocked.CompareExchange(ref _most, now, most);
            if (answersAtOnce && Interlocked.Increment(ref _met) <= 2) Assert.True(_both.SignalAndWait(ServeScene.Deadline));
            for (int i = 0; i < order.Pages; i++)
            {
                SnapshotFile.PageOf(order.FirstPage + i).CopyTo(order.Room(order.FirstPage + i, 1));
                // Counted as over before the last answer lets somebody else ask.
                if (i == order.Pages - 1) _ = Interlocked.Decrement(ref _now);
                nint place = order.Buffer + (nint)((long)i << PageSize.BaseShift);
                receiver.Received(order.Id, order.FirstPage + i, 1, SourceContent.Bytes, place);
            }
        }

        public void Dispose() => _both.Dispose();
    }
}
