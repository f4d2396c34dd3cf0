using Akka.Configuration;
using UffdActors.Dispatch.Stepping;
using UffdActors.Handling;
using UffdActors.Model.Operations.Maps;
using UffdActors.Testing.Guests;
using UffdActors.Tests.Runtime;

namespace UffdActors.Tests.Handling;

/// <summary>A handler that crashes loses no fault, wherever it crashes, while eight vCPUs fault (RING F1).</summary>
public sealed class HandlerCrashTests
{
    private const int Vcpus = 8;
    private const int Pages = 16;

    // The madvise calls below take pages 0 to 4.
    private const int RemovedPages = 5;

    public static TheoryData<int> Points =>
        [(int)HandlerPoint.AfterRead, (int)HandlerPoint.AfterFillSent, (int)HandlerPoint.OnAnswer];

    [Theory]
    [MemberData(nameof(Points))]
    public void No_fault_is_lost_in_any_order_of_messages(int point)
    {
        using SteppedHost host = new();
        for (ulong seed = 0; seed < 60; seed++)
        {
            host.Loop.Policy = new RandomPolicy(seed);
            // Every third visit of the point crashes; on one page at most, so that nothing is quarantined.
            CrashingProbe probe = new((HandlerPoint)point, every: 3, crashesPerPage: 2);
            try
            {
                host.Run(() => RunAsync(host.Runtime, probe, (int)seed));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"Seed {seed}: {e.Message}", e);
            }

            Assert.True(probe.Crashes > 0, $"Seed {seed}: the point was never reached.");
        }
    }

    [Theory]
    [InlineData("fault-loop")]
    [InlineData("parallel")]
    public async Task No_fault_is_lost_on_real_threads(string dispatcher)
    {
        await using UffdRuntime runtime = UffdRuntime.Start(UffdSettings.Profile(dispatcher));
        foreach (HandlerPoint point in Enum.GetValues<HandlerPoint>())
        {
            CrashingProbe probe = new(point, every: 5, crashesPerPage: 2);
            await RunAsync(runtime, probe, (int)point);
            Assert.True(probe.Crashes > 0, $"{point} was never reached.");
        }
    }

    [Fact]
    public void A_page_on_which_handlers_keep_crashing_is_left_alone_until_recover()
    {
        using SteppedHost host = new(ConfigurationFactory.ParseString("uffd.handler-crash-limit = 3"));
        CrashingProbe probe = new(HandlerPoint.AfterRead, every: 1, crashesPerPage: int.MaxValue, onlyPage: 2);
        using TestSource source = new(Pages);
        host.Run(async () =>
        {
            await using UffdVm vm = await host.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 64, Probe = probe });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source });
            VcpuGroup vcpus = await vm.StartVcpusAsync([Steps.Reads(2), Steps.Reads(0, 1, 3)]);
            Incident incident;
            do
            {
                incident = await vm.Incidents.ReadAsync();
            }
            while (incident.Kind != IncidentKind.PageQuarantined);

            Assert.Equal(3, probe.Crashes);
            Assert.Contains("0x100000002000", incident.Message, StringComparison.Ordinal);
            probe.Stop();
            uffd.Recover();
            await vcpus.WaitAsync();
            Assert.Equal(4, vcpus.Accesses);
        });
    }

    /// <summary>Whatever message the handler was at, its page is known: else it would be tried, and crash, for ever.</summary>
    [Theory]
    [InlineData((int)HandlerPoint.OnAnswer, "a call that came back")]
    [InlineData((int)HandlerPoint.AfterFillSent, "another attempt")]
    public void A_crash_counts_against_the_page_of_what_the_handler_had_in_hand(int point, string inHand)
    {
        using SteppedHost host = new(ConfigurationFactory.ParseString("uffd.handler-crash-limit = 3"));
        using TestSource source = new(Pages);
        CrashingProbe probe = new((HandlerPoint)point, every: 1, crashesPerPage: int.MaxValue, onlyPage: 2, crashed: FailOnce);
        FailOnce();
        Incident? incident = null;
        int crashes = 0;
        host.Run(async () =>
        {
            // Page 2 finds no memory, so no fill of before a crash comes to its aid.
            await using UffdVm vm = await host.Runtime.CreateVmAsync(new VmOptions { MemoryPages = 1, Probe = probe, SplitTurns = true });
            GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
            Userfault uffd = await vm.OpenAsync();
            _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
            await uffd.ServeAsync(new ServeOptions { Source = source });
            _ = await vm.StartVcpusAsync([Steps.Reads(0, 2)]);
            do
            {
                incident = await vm.Incidents.ReadAsync();
            }
            while (incident.Kind != IncidentKind.PageQuarantined && probe.Crashes < 10);

            crashes = probe.Crashes;
            probe.Stop();
            await uffd.AbandonAsync(AbsentPages.ReadAsZeros);
        });
        Assert.Equal((3, IncidentKind.PageQuarantined), (crashes, incident!.Kind));
        Assert.Contains("0x100000002000", incident.Message, StringComparison.Ordinal);

        // The first order of each fault fails, so its fill is issued by another attempt.
        void FailOnce()
        {
            if (inHand == "another attempt") source.Failures[2] = 1;
        }
    }

    private static async Task RunAsync(UffdRuntime runtime, CrashingProbe probe, int seed)
    {
        using TestSource source = new(Pages);
        await using UffdVm vm = await runtime.CreateVmAsync(
            new VmOptions { MemoryPages = 256, Probe = probe, SplitTurns = runtime.Settings.IsStepped });
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync(UffdFeatures.EventRemove);
        _ = await uffd.RegisterAsync(region, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source, Handlers = 2, SourceActor = true });
        VcpuGroup vcpus = await vm.StartVcpusAsync([.. Enumerable.Range(0, Vcpus).Select(i => Steps.Random(seed + i, Pages, 20))]);
        for (int i = 0; i < 4; i++) await vm.AdviseAsync(region, i, 2, Advice.DontNeed);
        await vcpus.WaitAsync();

        Assert.Null(vcpus.Error);
        Assert.Equal(Vcpus * 20, vcpus.Accesses);
        Assert.False(vm.Failed.IsCompleted);
        BackgroundPush push = await uffd.PushAsync(region, source);
        await push.WaitAsync();
        AssertContent(vm, region);
    }

    /// <summary>
    /// Every page that is mapped is the source's, or zeros where it was removed, byte by byte but for the lanes that vCPUs write.
    /// </summary>
    private static void AssertContent(UffdVm vm, GuestRegion region)
    {
        GuestReader reader = vm.NewReader();
        byte[] page = new byte[4096];
        for (long i = 0; i < region.Pages; i++)
        {
            if (!reader.TryRead(region, i, page)) continue;
            for (int at = Vcpus * GuestLayout.LaneBytes; at < page.Length; at += 8)
            {
                ulong word = BitConverter.ToUInt64(page, at);
                Assert.True(word == TestSource.WordOf(i) || (word == 0 && i < RemovedPages), $"page {i} holds {word:x} at {at}");
            }
        }
    }
}
