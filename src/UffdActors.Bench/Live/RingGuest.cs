using System.Diagnostics;
using UffdActors.Linux.Live;

namespace UffdActors.Bench.Live;

/// <summary>The measured ring: a VM of the live world, made by public calls.</summary>
internal sealed class RingGuest : IAsyncDisposable
{
    // The same time stamps as in a runtime in use.
    private const int SampleEvery = 64;

    private static readonly TimeSpan CountingTime = TimeSpan.FromMinutes(1);

    private readonly UffdVm _vm;

    private RingGuest(UffdVm vm, GuestRegion region, Userfault userfault, VcpuGroup vcpus)
    {
        _vm = vm;
        Region = region;
        Userfault = userfault;
        Vcpus = vcpus;
    }

    /// <summary>Its memory.</summary>
    public GuestRegion Region { get; }

    /// <summary>What serves it.</summary>
    public Userfault Userfault { get; }

    /// <summary>Its vCPUs, under way.</summary>
    public VcpuGroup Vcpus { get; }

    /// <summary>The guest's memory: the same for the ring and for the loop beside it.</summary>
    public static RegionOptions RegionOf(LiveBenchOptions options) =>
        new()
        {
            Pages = options.Pages,
            Module = options.Backend == LiveBackend.Shmem ? "shmem" : null,
            IsFilled = options.Mode == BenchMode.Minor,
        };

    /// <summary>Touches every page of every guest once: one VM on its own fault loop for each set of CPUs, all at the same time.</summary>
    /// <param name="options">What is measured.</param>
    /// <param name="cpus">Where each VM runs.</param>
    /// <param name="image">Content of each.</param>
    /// <param name="gate">Gate of all vCPUs.</param>
    /// <param name="work">Work of the vCPUs, VM by VM.</param>
    /// <param name="cancel">Cancels it.</param>
    /// <exception cref="BenchException">A page did not hold what it must, or has not come through the ring.</exception>
    public static Task<LiveSample> RunAsync(
        LiveBenchOptions options, IReadOnlyList<LiveCpus> cpus, BytePages image, StartGate gate, IReadOnlyList<TimedTouches[]> work,
        CancellationToken cancel) =>
        FaultBench.WithRuntimeAsync("live", null, async runtime =>
        {
            List<RingGuest> guests = [];
            try
            {
                for (int i = 0; i < cpus.Count; i++) guests.Add(await StartAsync(runtime, options, cpus[i], image, work[i], cancel));
                Task all = Task.WhenAll(guests.Select(g => g.Vcpus.WaitAsync(cancel)));
                LiveSample sample = await LiveSample.TakeAsync(gate, [.. work.SelectMany(w => w)], all, cancel);
                foreach (RingGuest guest in guests) await guest.CheckAsync(everyPageFaults: true);
                return sample;
            }
            finally
            {
                foreach (RingGuest guest in guests) await guest.DisposeAsync();
            }
        });

    /// <summary>Makes a VM whose vCPUs have begun.</summary>
    public static async Task<RingGuest> StartAsync(
        UffdRuntime runtime, LiveBenchOptions options, LiveCpus cpus, BytePages image, IReadOnlyList<IWorkload> work,
        CancellationToken cancel)
    {
        bool minor = options.Mode == BenchMode.Minor;
        UffdVm vm = await runtime.CreateVmAsync(
            new VmOptions
            {
                MemoryPages = options.Pages,
                Cpu = cpus.Loop,
                VcpuCpu = cpus.Vcpus,
                StopGuest = static _ => Task.CompletedTask,
            }, cancel);
        try
        {
            GuestRegion region = await vm.MapAsync(RegionOf(options), cancel);
            if (minor) ((LiveKernel)vm.Kernel).MemoryOf(region).Fill(image.Address);
            Userfault userfault = await vm.OpenAsync(UffdFeatures.None, cancel);
            _ = await userfault.RegisterAsync(region, minor ? RegisterModes.Minor : RegisterModes.Missing, cancel);
            await userfault.ServeAsync(new ServeOptions { Source = image }, cancel);
            return new RingGuest(vm, region, userfault, await vm.StartVcpusAsync(work, SampleEvery, image, cancel));
        }
        catch
        {
            await vm.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Checks, when the guest has ended, that its reads returned the right values and that every page has come through the ring.
    /// </summary>
    /// <param name="everyPageFaults">True if every page was one fault; false if some were pushed.</param>
    /// <exception cref="BenchException">A check failed.</exception>
    public async Task CheckAsync(bool everyPageFaults)
    {
        if (Vcpus.Error is { } error) throw new BenchException($"A vCPU of the guest failed: {error}.");
        // The kernel wakes a vCPU before the reader has counted the page.
        long asked = Stopwatch.GetTimestamp();
        while (Userfault.ReceivedOf(Region).Count < Region.Pages && Stopwatch.GetElapsedTime(asked) < CountingTime) await Task.Yield();
        long received = Userfault.ReceivedOf(Region).Count;
        if (received != Region.Pages) throw new BenchException($"{received} of {Region.Pages} pages have come; the others are missing.");
        if (everyPageFaults && Vcpus.Faults < Region.Pages)
            throw new BenchException($"{Vcpus.Faults} faults filled {Region.Pages} pages; each page must be one fault.");
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => _vm.DisposeAsync();
}
