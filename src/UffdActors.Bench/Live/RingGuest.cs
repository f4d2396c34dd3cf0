using System.Diagnostics;
using UffdActors.Abi;
using UffdActors.Linux.World;

namespace UffdActors.Bench.Live;

/// <summary>The ring under measurement: a VM of the live world, as an embedder makes one.</summary>
internal static class RingGuest
{
    // Time stamps as a runtime under way has them.
    private const int SampleEvery = 64;

    private static readonly TimeSpan CountingTime = TimeSpan.FromSeconds(5);

    /// <summary>The guest's memory: the same for the ring and for the loop beside it.</summary>
    public static RegionOptions RegionOf(LiveBenchOptions options) =>
        new() { Pages = options.Pages, Module = options.Backend == LiveBackend.Shmem ? "shmem" : null };

    /// <summary>Touches every page once.</summary>
    /// <exception cref="BenchException">A page did not hold what it must, or has not come through the ring.</exception>
    public static Task<LiveSample> RunAsync(
        LiveBenchOptions options, LiveCpus cpus, BytePages image, StartGate gate, TimedTouches[] work, CancellationToken cancel) =>
        FaultBench.WithRuntimeAsync("live", null, async runtime =>
        {
            bool minor = options.Mode == BenchMode.Minor;
            await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = options.Pages, Cpu = cpus.Loop, VcpuCpu = cpus.Vcpus }, cancel);
            GuestRegion region = await vm.MapAsync(RegionOf(options), cancel);
            if (minor) ((LiveKernel)vm.Kernel).MemoryOf(region).Fill(image.Address);
            Userfault userfault = await vm.OpenAsync(UffdFeatures.None, cancel);
            _ = await userfault.RegisterAsync(region, minor ? RegisterModes.Minor : RegisterModes.Missing, cancel);
            await userfault.ServeAsync(new ServeOptions { Source = image }, cancel);
            VcpuGroup vcpus = await vm.StartVcpusAsync(work, SampleEvery, image, cancel);
            LiveSample sample = await LiveSample.TakeAsync(gate, work, vcpus.WaitAsync(cancel), cancel);
            if (vcpus.Error is { } error) throw new BenchException($"The guest met what it must not: {error}.");
            // The kernel wakes a vCPU before the reader has counted the page.
            long asked = Stopwatch.GetTimestamp();
            while (userfault.ReceivedOf(region).Count < region.Pages && Stopwatch.GetElapsedTime(asked) < CountingTime) await Task.Yield();
            long received = userfault.ReceivedOf(region).Count;
            if (received != region.Pages || vcpus.Faults < region.Pages)
                throw new BenchException($"{vcpus.Faults} faults filled {received} of {region.Pages} pages; each page must be one fault.");
            return sample;
        });
}
