using UffdActors.Model.Memory;
using UffdActors.Testing.Guests;
using UffdActors.Tests.Runtime;

namespace UffdActors.Tests.Handling;

/// <summary>
/// A source may answer late, short, out of order, repeatedly, from any thread, into the buffer of the asker, or not at all; every page
/// still gets its own bytes (RING F9).
/// </summary>
public sealed class SourceAnswerTests
{
    private const int Pages = 150;

    [Theory]
    [InlineData("fault-loop")]
    [InlineData("parallel")]
    public async Task Answers_from_other_threads_in_any_shape_give_every_page_its_own_bytes(string dispatcher)
    {
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile(dispatcher));
        for (int seed = 0; seed < 4; seed++)
        {
            using UntidySource source = new(seed);
            await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 256 });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source, Handlers = 2 });
            VcpuGroup vcpus =
                await vm.StartVcpusAsync([.. Enumerable.Range(0, 4).Select(i => Steps.Random((seed * 4) + i, Pages, 60))]);
            BackgroundPush push = await uffd.PushAsync(region, source);
            await push.WaitAsync();
            await vcpus.WaitAsync();

            Assert.Null(vcpus.Error);
            AssertContent(vm, region);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Answers_within_the_request_may_be_repeated_too_long_or_about_other_pages(bool behindAnActor) => Stepped(async vm =>
    {
        using RamblingSource source = new();
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source, SourceActor = behindAnActor });
        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(3, 60, 149), Steps.Reads(3, 4, 5)]);
        await vcpus.WaitAsync();
        BackgroundPush push = await uffd.PushAsync(region, source);
        await push.WaitAsync();

        Assert.Equal(5, uffd.Reader!.Counters.DemandPages);
        Assert.Equal(Pages - 5, push.Pages);
        AssertContent(vm, region);
    });

    [Fact]
    public void A_source_that_throws_has_failed_the_order_and_crashes_nobody() => Stepped(async vm =>
    {
        using ThrowingSource source = new(failures: 2);
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(1)]);
        await vcpus.WaitAsync();
        Assert.Equal(3, source.Asked);
        Assert.False(vm.Incidents.TryRead(out _));
    });

    [Fact]
    public void A_source_that_keeps_silent_although_it_answers_at_once_is_named() => Stepped(async vm =>
    {
        using ThrowingSource source = new(failures: -1);
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        _ = await vm.StartVcpusAsync([Steps.Reads(1)]);
        Incident incident = await vm.Incidents.ReadAsync();
        Assert.Equal(IncidentKind.WrongAnswer, incident.Kind);
        Assert.Contains(
            "Page source ThrowingSource says that it answers at once, and did not answer the order for page 1 of region 0 in full",
            incident.Message, StringComparison.Ordinal);
        Assert.Equal(IncidentKind.SourceFailed, (await vm.Incidents.ReadAsync()).Kind);
    });

    [Fact]
    public void What_a_slow_source_has_at_hand_costs_no_order() => Stepped(async vm =>
    {
        using HalfSource source = new();
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source, Handlers = 2 });
        VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(0, 3, 4, 5, 8)]);
        await vcpus.WaitAsync();
        Assert.Equal([3, 5], source.Ordered);
        Assert.Equal([0, 3, 4, 5, 8], source.Tried);
        BackgroundPush push = await uffd.PushAsync(region, source);
        await push.WaitAsync();
        AssertContent(vm, region);
        Assert.False(vm.Incidents.TryRead(out _));
    });

    [Fact]
    public void Orders_that_are_open_when_the_VM_goes_are_cancelled()
    {
        using TestSource source = new(Pages) { AnswersAtOnce = false, HoldsBack = true };
        Stepped(async vm =>
        {
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source });
            _ = await uffd.PushAsync(region, source);
            _ = await vm.StartVcpusAsync([Steps.Reads(1)]);
            while (source.Orders.Count < 2) await Task.Yield();
            Assert.All(source.Orders, o => Assert.False(o.Cancel.IsCancellationRequested));
        });
        Assert.All(source.Orders, o => Assert.True(o.Cancel.IsCancellationRequested));
        // Late answers to nobody do no harm.
        source.LetGo();
    }

    private static void Stepped(Func<UffdVm, Task> body)
    {
        using SteppedHost host = new();
        host.Run(async () =>
        {
            await using UffdVm vm = await host.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 256 });
            await body(vm);
        });
    }

    private static void AssertContent(UffdVm vm, GuestRegion region)
    {
        GuestReader reader = vm.NewReader();
        byte[] page = new byte[4096];
        for (long i = 0; i < region.Pages; i++)
        {
            Assert.True(reader.TryRead(region, i, page), $"page {i} is absent");
            Assert.Equal(TestSource.WordOf(i), BitConverter.ToUInt64(page, 4088));
        }
    }

    private static NativeBuffer MakePages()
    {
        NativeBuffer pages = new(Pages * 4096);
        byte[] word = new byte[8];
        for (long at = 0; at < pages.Bytes; at += 8)
        {
            Assert.True(BitConverter.TryWriteBytes(word, TestSource.WordOf(at / 4096)));
            pages.Write(at, word);
        }

        return pages;
    }

    /// <summary>Answers from the thread pool, in pieces, shuffled and some of them twice; demand through the asker's buffer.</summary>
    private sealed class UntidySource(int seed) : IPageSource
    {
        private readonly NativeBuffer _pages = MakePages();
        private readonly Random _random = new(seed);

        public long Pages => SourceAnswerTests.Pages;

        public bool AnswersAtOnce => false;

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            PageOrder copy = order;
            List<long> pages = [.. Enumerable.Range(0, order.Pages).Select(i => copy.FirstPage + i)];
            lock (_random)
            {
                pages = [.. pages.OrderBy(_ => _random.Next())];
                pages.AddRange(pages.Take(2));
            }

            _ = Task.Run(() =>
            {
                // What is not about the order at all comes along too.
                receiver.Received(copy.Id, (copy.FirstPage + copy.Pages) % SourceAnswerTests.Pages, 1, SourceContent.Bytes, _pages.Address);
                receiver.Received(copy.Id + 1000, copy.FirstPage, 1, SourceContent.Zero, 0);
                if (copy.Pages == 1)
                {
                    byte[] bytes = new byte[4096];
                    _pages.Read(copy.FirstPage * 4096, bytes);
                    System.Runtime.InteropServices.Marshal.Copy(bytes, 0, copy.Buffer, bytes.Length);
                    receiver.Received(copy.Id, copy.FirstPage, 1, SourceContent.Bytes, copy.Buffer);
                    return;
                }

                foreach (long page in pages) receiver.Received(copy.Id, page, 1, SourceContent.Bytes, _pages.Address + (nint)(page * 4096));
            });
        }

        public void Dispose() => _pages.Dispose();
    }

    /// <summary>Says everything it knows, twice, before it comes to the point.</summary>
    private sealed class RamblingSource : IPageSource
    {
        private readonly NativeBuffer _pages = MakePages();

        public long Pages => SourceAnswerTests.Pages;

        public bool AnswersAtOnce => true;

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            if (order.FirstPage > 0) receiver.Received(order.Id, 0, (int)order.FirstPage, SourceContent.Bytes, _pages.Address);
            for (int i = 0; i < 2; i++) receiver.Received(order.Id, 0, SourceAnswerTests.Pages, SourceContent.Bytes, _pages.Address);
            receiver.Failed(order.Id, new IOException("too late to fail"));
        }

        public void Dispose() => _pages.Dispose();
    }

    /// <summary>Has even pages at hand, and must be given an order for the others.</summary>
    private sealed class HalfSource : IPageSource
    {
        private readonly NativeBuffer _pages = MakePages();

        public List<long> Tried { get; } = [];

        public List<long> Ordered { get; } = [];

        public long Pages => SourceAnswerTests.Pages;

        public bool AnswersAtOnce => false;

        public bool TryAnswer(in PageOrder order, IPageReceiver receiver)
        {
            Tried.Add(order.FirstPage);
            if (order.FirstPage % 2 != 0) return false;
            receiver.Received(order.Id, 0, SourceAnswerTests.Pages, SourceContent.Bytes, _pages.Address);
            return true;
        }

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            if (order.Urgency == Urgency.Demand) Ordered.Add(order.FirstPage);
            receiver.Received(order.Id, 0, SourceAnswerTests.Pages, SourceContent.Bytes, _pages.Address);
        }

        public void Dispose() => _pages.Dispose();
    }

    /// <summary>Throws a number of times, then has zeros; with -1 it never says a word.</summary>
    private sealed class ThrowingSource(int failures) : IPageSource
    {
        public int Asked { get; private set; }

        public long Pages => SourceAnswerTests.Pages;

        public bool AnswersAtOnce => true;

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            Asked++;
            if (failures < 0) return;
            if (Asked <= failures) throw new IOException("the link is down");
            receiver.Received(order.Id, order.FirstPage, 1, SourceContent.Zero, 0);
        }

        public void Dispose()
        {
        }
    }
}
