using System.Text;
using UffdActors.Actors;
using UffdActors.Dispatch.Stepping;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.Guests;
using UffdActors.Tests.Runtime;

namespace UffdActors.Tests.Rules;

/// <summary>
/// The whole ring on the stepped dispatcher: vCPUs, context, reader, handlers, push, page source, and one madvise, in many orders
/// (RING R9, P8).
/// </summary>
public sealed class RingRuleTests : IDisposable
{
    private const int Pages = 4;
    private const int Seeds = 200;

    private readonly SteppedHost _host = new();

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    public void R9_two_vCPUs_and_one_madvise_end_with_every_page_right(int handlers, bool push) => Over(seed =>
    {
        using TestSource source = new(Pages);
        _host.Run(async () =>
        {
            await using UffdVm vm = await _host.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 64, SplitTurns = true });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
            Userfault uffd = await vm.OpenAsync(UffdFeatures.EventRemove);
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source, Handlers = handlers, SourceActor = true });
            BackgroundPush? background = push ? await uffd.PushAsync(region, source) : null;
            VcpuGroup vcpus =
                await vm.StartVcpusAsync([Steps.Random((int)seed, Pages, 12), Steps.Random(~(int)seed, Pages, 12)]);
            await vm.AdviseAsync(region, 1, 2, Advice.DontNeed);
            await vcpus.WaitAsync();
            if (background is not null) await background.WaitAsync();

            Assert.Null(vcpus.Error);
            Assert.Equal(24, vcpus.Accesses);
            AssertContent(vm, region, removed: [1, 2]);
        });
    });

    [Fact]
    public void R9_a_removed_page_never_gets_its_old_bytes_back() => Over(seed =>
    {
        using TestSource source = new(Pages);
        _host.Run(async () =>
        {
            await using UffdVm vm = await _host.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 64, SplitTurns = true });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
            Userfault uffd = await vm.OpenAsync(UffdFeatures.EventRemove);
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source, SourceActor = true });
            await vm.AdviseAsync(region, 0, Pages, Advice.DontNeed);
            VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(0, 1), Steps.Reads(1, 0, 3)]);
            await vcpus.WaitAsync();

            AssertContent(vm, region, removed: [0, 1, 2, 3]);
        });
    });

    [Fact]
    public void R9_all_faults_of_a_page_meet_in_one_request()
    {
        _host.Loop.Policy = new FifoPolicy();
        using TestSource source = new(Pages) { HoldsBack = true, AnswersAtOnce = false };
        _host.Run(async () =>
        {
            await using UffdVm vm = await _host.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source, Handlers = 3 });
            VcpuGroup vcpus = await vm.StartVcpusAsync([.. Enumerable.Range(0, 6).Select(_ => Steps.Reads(2))]);
            while (uffd.Faults < 6) await Task.Yield();

            Assert.Single(source.Orders);
            Assert.Equal(1, uffd.Outstanding);
            source.HoldsBack = false;
            source.LetGo();
            await vcpus.WaitAsync();
            Assert.Equal(6, vcpus.Accesses);
        });
    }

    [Fact]
    public void The_same_seed_gives_the_same_run_and_another_seed_another()
    {
        string first = Trace(_host, 5);
        Assert.Equal(first, Trace(_host, 5));
        Assert.NotEqual(first, Trace(_host, 6));
        using SteppedHost other = new();
        Assert.Equal(first, Trace(other, 5));
    }

    [Fact]
    public void A_task_from_another_thread_ends_the_run_as_nondeterministic()
    {
        using SteppedSystem system = new();
        Akka.Actor.IActorRef actor = system.System.ActorOf(Akka.Actor.Props.Create<Akka.Actor.EventStreamActor>());
        system.Loop.RunUntilQuiet();
        Thread stranger = new(() => actor.Tell("hello", Akka.Actor.ActorRefs.NoSender));
        stranger.Start();
        stranger.Join();
        _ = Assert.Throws<NondeterministicRunException>(() => system.Loop.Step());
    }

    private static string Trace(SteppedHost host, ulong seed)
    {
        StringBuilder trace = new();
        host.Loop.Policy = new RecordingPolicy(new RandomPolicy(seed), trace);
        using TestSource source = new(Pages);
        host.Run(async () =>
        {
            await using UffdVm vm = await host.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 64, SplitTurns = true });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
            Userfault uffd = await vm.OpenAsync(UffdFeatures.EventRemove);
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source, Handlers = 2 });
            VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Random(1, Pages, 9), Steps.Random(2, Pages, 9)]);
            await vm.AdviseAsync(region, 0, 2, Advice.DontNeed);
            await vcpus.WaitAsync();
        });
        return trace.ToString();
    }

    /// <summary>Every page is the source's, or zeros where it was removed, apart from what vCPUs have written to their lanes.</summary>
    private static void AssertContent(UffdVm vm, GuestRegion region, long[] removed)
    {
        for (long page = 0; page < region.Pages; page++)
        {
            Entry entry = vm.AddressSpace.EntryAt(PageSize.PageOf(region.Address) + page);
            if (!entry.IsPresent) continue;
            ulong word = entry.Kind == EntryKind.Zero ? 0 : vm.Model.Machine.BaseFolios.ReadLane(entry.Folio, PageSize.Base - 8);
            bool right = word == (removed.Contains(page) ? 0 : TestSource.WordOf(page));
            Assert.True(right, $"page {page} holds {word:x}");
        }
    }

    private void Over(Action<ulong> scene)
    {
        for (ulong seed = 0; seed < Seeds; seed++)
        {
            _host.Loop.Policy = new RandomPolicy(seed);
            try
            {
                scene(seed);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"Seed {seed}: {e.Message}", e);
            }
        }
    }

    private sealed class RecordingPolicy(ISteppedPolicy inner, StringBuilder trace) : ISteppedPolicy
    {
        public int Choose(IReadOnlyList<SteppedTask> ready)
        {
            int index = inner.Choose(ready);
            // Numbers of VMs and contexts grow from run to run; the shape of the run does not.
            string actor = ready[index].Actor?.Path.Name.Split('-')[0] ?? "";
            trace.Append(ready.Count).Append(':').Append(index).Append(actor).Append(ready[index].Message?.GetType().Name).Append('\n');
            return index;
        }
    }
}
