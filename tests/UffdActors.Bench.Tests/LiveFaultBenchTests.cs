using UffdActors.Bench.Live;
using UffdActors.Kvm;
using UffdActors.Linux.Machine;
using UffdActors.Linux.Needs;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Bench.Tests;

/// <summary>Real page faults, the ring beside a loop without actors. What is measured is not judged; that it was measured is.</summary>
public sealed class LiveFaultBenchTests
{
    // Nothing here takes long; whoever takes as long as this hangs.
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    [SkippableTheory]
    [InlineData(LiveBackend.Anon, BenchMode.Missing)]
    [InlineData(LiveBackend.Shmem, BenchMode.Missing)]
    [InlineData(LiveBackend.Shmem, BenchMode.Minor)]
    internal async Task Ring_and_direct_loop_are_measured_for_each_number_of_vcpus(LiveBackend backend, BenchMode mode)
    {
        ThisKernel.Require();
        LiveBenchOptions options = new() { Vcpus = [1, 3], Backend = backend, Mode = mode, Pages = 2048, Repeats = 1 };

        LiveFaultReport report = await new LiveFaultBench(options).RunAsync().WaitAsync(Deadline);

        Assert.Equal([1, 3], report.Rows.Select(r => r.Vcpus));
        Assert.All(report.Rows, row =>
        {
            Assert.All([row.Direct, row.Ring], f =>
            {
                Assert.True(f.FaultsPerSecond.Median > 0);
                Assert.True(f.P50Nanoseconds.Median > 0 && f.P50Nanoseconds.Median <= f.P99Nanoseconds.Median);
                Assert.Equal(f.FaultsPerSecond.Median / row.Vcpus, f.PagesPerSecondPerVcpu.Median, 3);
            });
            Assert.Equal(row.Ring.FaultsPerSecond.Median / row.Direct.FaultsPerSecond.Median, row.RingOverDirect.Median, 6);
            Assert.Null(row.Native);
        });
        Assert.Equal(MachineReport.Read().Kernel.Release, report.Kernel);
        Assert.Equal(report.LoopCpu, report.VcpuCpu);
    }

    [SkippableFact]
    public async Task Split_binds_loop_and_vcpus_to_two_cpus()
    {
        ThisKernel.Require();
        Skip.If(ThreadPlacement.AllowedCpus().Length < 2, "There is one CPU only.");
        LiveBenchOptions options = new() { Vcpus = [2], Pages = 512, Repeats = 1, Placement = LivePlacement.Split };
        LiveFaultReport report = await new LiveFaultBench(options).RunAsync().WaitAsync(Deadline);
        Assert.NotEqual(report.LoopCpu, report.VcpuCpu);
    }

    [SkippableFact]
    public async Task Two_vms_run_side_by_side_and_are_set_beside_one()
    {
        ThisKernel.Require();
        Skip.If(ThreadPlacement.AllowedCpus().Length < 2, "There is one CPU only.");
        LiveBenchOptions options = new() { Vcpus = [2], Pages = 512, Repeats = 1, Vms = 2 };
        LiveFaultRow row = (await new LiveFaultBench(options).RunAsync().WaitAsync(Deadline)).Rows[0];
        Assert.Equal(2, row.Vms!.Count);
        Assert.Equal(row.Vms.FaultsPerSecond.Median / row.Ring.FaultsPerSecond.Median, row.Vms.OverOne.Median, 6);
    }

    [SkippableTheory]
    [InlineData(BenchMode.Missing)]
    [InlineData(BenchMode.Minor)]
    internal async Task Demand_beside_a_push_is_measured_with_the_rates_of_push_and_bare_copies(BenchMode mode)
    {
        ThisKernel.Require();
        LiveBenchOptions options =
            new() { Vcpus = [2], Backend = LiveBackend.Shmem, Mode = mode, Pages = 16_384, Repeats = 1, Demands = 20, ChunkPages = 16 };
        LivePushRow row = (await new LivePushBench(options).RunAsync().WaitAsync(Deadline)).Rows[0];
        Assert.True(row.Demands.Median > 0);
        Assert.Equal(row.PushPagesPerSecond.Median / row.RawPagesPerSecond.Median, row.PushOverRaw.Median, 6);
        Assert.Equal(16 / row.RawPagesPerSecond.Median * 1e9, row.ChunkNanoseconds.Median, 3);
        Assert.Equal(
            row.LoadedP99Nanoseconds.Median / (row.UnloadedP99Nanoseconds.Median + row.ChunkP99Nanoseconds.Median),
            row.LoadedP99OverBound.Median, 6);
    }

    [Fact]
    public void Split_over_one_cpu_is_refused_with_what_to_do()
    {
        Exception? refusal = null;
        Thread bound = new(() =>
        {
            ThreadPlacement.BindTo(ThreadPlacement.AllowedCpus()[0]);
            refusal = Record.Exception(() => new LiveFaultBench(new LiveBenchOptions { Placement = LivePlacement.Split }));
        });
        bound.Start();
        bound.Join();
        Assert.Equal(MachineNeed.SecondCpu, Assert.IsType<UnsupportedMachineException>(refusal).Need);
    }

    [SkippableFact]
    public async Task A_vcpu_that_fails_ends_the_run_of_the_direct_loop_and_leaves_nobody_waiting()
    {
        ThisKernel.Require();
        LiveBenchOptions options = new() { Pages = 64 };
        using BytePages image = new(options.Pages);
        using StartGate gate = new(2);
        using DirectLoop loop = new(options, options.ChooseCpus(), image);
        // One page more than the memory has.
        TimedTouches[] work = TimedTouches.Share(options.Pages + 1, 2, 1, gate);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => loop.RunAsync(gate, work, CancellationToken.None).WaitAsync(Deadline));
    }

    [Fact]
    public async Task Every_page_is_touched_once_and_the_same_seed_gives_the_same_order()
    {
        using StartGate gate = new(9);
        gate.Open();
        long[] first = Order(7, gate);
        Assert.Equal(Enumerable.Range(0, 100).Select(p => (long)p), first.Order());
        Assert.NotEqual(first.Order(), first);
        Assert.Equal(first, Order(7, gate));
        Assert.NotEqual(first, Order(8, gate));
        await gate.Ended.WaitAsync(Deadline);
    }

    [Fact]
    public void Minor_faults_of_anonymous_memory_are_refused() =>
        Assert.Contains(
            "shmem", Assert.Throws<BenchException>(() => new LiveFaultBench(new LiveBenchOptions { Mode = BenchMode.Minor })).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Ratios_are_those_of_rates_and_percentiles_and_a_loop_in_C_allocates_nothing_that_is_known()
    {
        LiveCell cell = new(4);
        cell.Repeats.Add(
            new LiveRepeat(new LiveSample(100, 5, 50, 10, 1), new LiveSample(90, 6, 60, 11, 2), new LiveSample(120, 4, 40, 8, null), null));
        LiveBenchOptions options = new() { Vcpus = [4], Repeats = 1 };
        LiveFaultRow row = LiveFaultReport.Of(options, new LiveCpus(0, 0), [cell]).Rows[0];
        Assert.Equal(0.9, row.RingOverDirect.Median, 6);
        Assert.Equal(0.75, row.RingOverNative!.Median, 6);
        Assert.Equal(1.2, row.RingP99OverDirect.Median, 6);
        Assert.Equal(22.5, row.Ring.PagesPerSecondPerVcpu.Median, 6);
        Assert.Null(row.Native!.AllocatedBytesPerFault);
    }

    [SkippableTheory]
    [InlineData(LiveBackend.Anon, BenchMode.Missing)]
    [InlineData(LiveBackend.Shmem, BenchMode.Minor)]
    internal async Task KVM_vCPUs_are_measured_beside_threads_and_every_page_of_theirs_is_one_fault(LiveBackend backend, BenchMode mode)
    {
        ThisKernel.Require();
        await RequireKvmAsync();
        LiveBenchOptions options =
            new() { Vcpus = [1, 3], Backend = backend, Mode = mode, Pages = 1536, Repeats = 1, Kind = LiveVcpus.Kvm };
        LiveFaultReport report = await new LiveFaultBench(options).RunAsync().WaitAsync(Deadline);
        Assert.All(report.Rows, row =>
        {
            Assert.True(row.Direct.FaultsPerSecond.Median > 0);
            Assert.True(row.Kvm!.Ring.PresentNanosecondsPerPage.Median > 0);
            Assert.Equal(row.Kvm.Ring.FaultsPerSecond.Median / row.Ring.FaultsPerSecond.Median, row.Kvm.OverThreads.Median, 6);
            Assert.Null(row.Kvm.Native);
        });
    }

    [Theory]
    [InlineData("2 KVM vCPUs have as many each", 1, 2, 4097)]
    [InlineData("17 vCPUs: a KVM guest has 1 to 16", 1, 17, 4096)]
    [InlineData("a KVM guest has 262144 at the most", 1, 1, 262_145)]
    [InlineData("2 VMs are measured with threads only", 2, 1, 4096)]
    public void A_guest_that_KVM_cannot_have_here_is_refused(string why, int vms, int vcpus, int pages)
    {
        LiveBenchOptions options = new() { Vcpus = [vcpus], Vms = vms, Pages = pages, Kind = LiveVcpus.Kvm };
        Assert.Contains(why, Assert.Throws<BenchException>(() => new LiveFaultBench(options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_KVM_vCPUs_a_fault_is_what_it_adds_to_a_page_of_one_of_them()
    {
        LiveCell cell = new(4);
        LiveSample thread = new(200, 5, 50, 10, 1);
        cell.Repeats.Add(new LiveRepeat(thread, thread, null, null)
        {
            Kvm = new KvmSample(90, 1e6, 7),
            KvmNative = new KvmSample(120, 1e6, null),
        });
        LiveBenchOptions options = new() { Vcpus = [4], Repeats = 1 };
        KvmRow row = LiveFaultReport.Of(options, new LiveCpus(0, 0), [cell]).Rows[0].Kvm!;
        Assert.Equal(0.75, row.RingOverNative!.Median, 6);
        Assert.Equal(0.45, row.OverThreads.Median, 6);
        Assert.Equal((4e9 / 90) - 1e6, row.Ring.FaultNanoseconds.Median, 3);
        Assert.Null(row.Native!.CpuNanosecondsPerFault);
    }

    private static async Task RequireKvmAsync()
    {
        try
        {
            await using KvmHost probe = KvmHost.Start();
        }
        catch (UnsupportedMachineException e)
        {
            Skip.If(true, e.Message);
        }
    }

    private static long[] Order(ulong seed, StartGate gate) => [.. TimedTouches.Share(100, 3, seed, gate).SelectMany(Pages)];

    private static IEnumerable<long> Pages(TimedTouches work)
    {
        while (work.TryNext(out GuestStep step)) yield return step.Page;
    }
}
