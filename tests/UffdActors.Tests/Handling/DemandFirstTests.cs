using Akka.Configuration;
using UffdActors.Dispatch.Stepping;
using UffdActors.Handling;
using UffdActors.Testing.Guests;
using UffdActors.Tests.Runtime;

namespace UffdActors.Tests.Handling;

/// <summary>The background push is never more than one chunk ahead of a waiting demand, in whatever order messages are handled.</summary>
public sealed class DemandFirstTests
{
    private const int Pages = 96;
    private const int Vcpus = 4;
    private static readonly Config SmallChunks = ConfigurationFactory.ParseString("uffd.push-chunk-pages = 4");

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void No_demand_waits_while_two_chunks_begin(int handlers)
    {
        using SteppedHost host = new(SmallChunks);
        int chunksThatMetDemands = 0;
        for (ulong seed = 0; seed < 30; seed++)
        {
            host.Loop.Policy = new RandomPolicy(seed);
            using TestSource pages = new(Pages);
            WatchedSource source = new(pages);
            host.Run(() => MigrateAsync(host.Runtime, source, handlers, (int)seed));

            for (int i = 1; i < source.WaitingAtChunk.Count; i++)
            {
                long[] both = [.. source.WaitingAtChunk[i].Intersect(source.WaitingAtChunk[i - 1])];
                Assert.True(both.Length == 0, $"Seed {seed}: demand {both.FirstOrDefault()} waited while two chunks began.");
            }

            chunksThatMetDemands += source.WaitingAtChunk.Count(w => w.Count > 0);
        }

        Assert.True(chunksThatMetDemands > 50, $"Only {chunksThatMetDemands} chunks met a demand at all.");
    }

    [Fact]
    public void A_demand_whose_page_cannot_be_had_does_not_stop_the_push()
    {
        using SteppedHost host = new(SmallChunks);
        using TestSource pages = new(Pages);
        WatchedSource source = new(pages) { DemandsToFail = 1000 };

        host.Run(() => MigrateAsync(host.Runtime, source, 1, workload: [3]));

        Assert.True(source.DemandsToFail > 0, "The push began only when the source had stopped to fail.");
    }

    [Fact]
    public void A_demand_that_waits_for_a_source_with_a_latency_does_not_hold_the_push()
    {
        using SteppedHost host = new(SmallChunks);
        using TestSource pages = new(Pages);
        WatchedSource source = new(pages) { AnswersAtOnce = false, IsDemandHeld = true };

        long waited = 0;
        host.Run(() => MigrateAsync(host.Runtime, source, 1, [Steps.Reads(Pages - 1)], async push =>
        {
            long began = host.Loop.Now;
            await push.WaitAsync();
            waited = host.Loop.Now - began;
        }));

        Assert.Equal(1, source.DemandsHeld);
        Assert.True(source.WaitingAtChunk.Count >= Pages / 4, $"Only {source.WaitingAtChunk.Count} chunks were asked for.");
        Assert.All(source.WaitingAtChunk, w => Assert.Single(w));
        // Virtual time stands while anything can go on.
        Assert.Equal(0, waited);
    }

    [Fact]
    public void Demand_and_push_ask_one_source_from_one_actor()
    {
        using SteppedHost host = new(SmallChunks);
        using TestSource pages = new(Pages);
        WatchedSource source = new(pages);

        host.Run(() => MigrateAsync(host.Runtime, source, 3, seed: 1));

        Assert.Single(source.Receivers);
    }

    private static Task MigrateAsync(UffdRuntime runtime, WatchedSource source, int handlers, int seed) =>
        MigrateAsync(
            runtime, source, handlers, [.. Enumerable.Range(0, Vcpus).Select(i => Steps.Random((seed * Vcpus) + i, Pages, 40))]);

    private static Task MigrateAsync(UffdRuntime runtime, WatchedSource source, int handlers, long[] workload) =>
        MigrateAsync(runtime, source, handlers, [Steps.Reads(workload)]);

    private static async Task MigrateAsync(
        UffdRuntime runtime, WatchedSource source, int handlers, Steps[] workloads, Func<BackgroundPush, Task>? watch = null)
    {
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = Pages + 16 });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source, Handlers = handlers, SourceActor = true });
        source.Reader = uffd.Reader;
        VcpuGroup vcpus = await vm.StartVcpusAsync(workloads);
        while (source.IsDemandHeld && source.DemandsHeld == 0) await Task.Yield();
        BackgroundPush push = await uffd.PushAsync(region, source);
        if (watch is not null) await watch(push);
        await push.WaitAsync();
        await vcpus.WaitAsync();
        Assert.Null(vcpus.Error);
    }

    /// <summary>Notes which demands wait whenever a chunk is asked for.</summary>
    private sealed class WatchedSource(TestSource pages) : IPageSource
    {
        public FaultReader? Reader { get; set; }

        public int DemandsToFail { get; set; }

        /// <summary>Demands are never answered: what is waited for comes by the push.</summary>
        public bool IsDemandHeld { get; init; }

        public int DemandsHeld { get; private set; }

        public List<IReadOnlyList<long>> WaitingAtChunk { get; } = [];

        public HashSet<IPageReceiver> Receivers { get; } = [];

        public long Pages => pages.Pages;

        public bool AnswersAtOnce { get; init; } = true;

        public void Request(in PageOrder order, IPageReceiver receiver)
        {
            _ = Receivers.Add(receiver);
            if (order.Urgency == Urgency.Push)
            {
                WaitingAtChunk.Add([.. Reader!.OutstandingRequests().Select(r => r.Id)]);
            }
            else if (IsDemandHeld)
            {
                DemandsHeld++;
                return;
            }
            else if (DemandsToFail > 0)
            {
                DemandsToFail--;
                receiver.Failed(order.Id, new IOException("the link is down"));
                return;
            }

            pages.Request(order, receiver);
        }

        public void Dispose()
        {
        }
    }
}
