using Akka.Configuration;
using UffdActors.Linux.Needs;

namespace UffdActors.Bench.Live;

/// <summary>
/// Measures the latency of demand while the background push runs: vCPUs that touch a page from time to time, without a push and with one,
/// and a bare thread that fills the same chunks. The three are interleaved in this process.
/// </summary>
internal sealed class LivePushBench
{
    private readonly LiveBenchOptions _options;
    private readonly LiveCpus _cpus;
    private readonly Config _config;

    /// <summary>Makes a benchmark.</summary>
    /// <exception cref="BenchException">An option is out of its range.</exception>
    /// <exception cref="UnsupportedMachineException">There are too few CPUs.</exception>
    public LivePushBench(LiveBenchOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (options.Vms > 1) throw new BenchException($"{options.Vms} VMs: demand beside a push is measured for one; leave --vms out.");
        if (options.Native is not null) throw new BenchException("A native loop has no push; leave --native out.");
        _options = options;
        _cpus = options.ChooseCpus();
        _config = ConfigurationFactory.ParseString(FormattableString.Invariant($"uffd.push-chunk-pages = {options.ChunkPages}"));
    }

    /// <summary>Runs all of it.</summary>
    /// <param name="progress">Called with what is measured next; may be null.</param>
    /// <param name="cancel">Cancels it.</param>
    /// <exception cref="BenchException">A page did not hold what it must.</exception>
    /// <exception cref="UnsupportedMachineException">userfaultfd cannot be opened here.</exception>
    /// <exception cref="UffdException">The kernel refuses a call.</exception>
    /// <exception cref="UffdActors.Linux.SyscallException">The kernel refuses a call.</exception>
    /// <exception cref="VmFailedException">A VM failed closed.</exception>
    public async Task<LivePushReport> RunAsync(Action<string>? progress = null, CancellationToken cancel = default)
    {
        using BytePages image = new(_options.Pages);
        LivePushCell[] cells = [.. _options.Vcpus.Select(v => new LivePushCell(v))];
        for (int repeat = 0; repeat <= _options.Repeats; repeat++)
        {
            foreach (LivePushCell cell in cells)
            {
                progress?.Invoke(
                    $"{cell.Vcpus} vCPUs and a push: {(repeat == 0 ? "warming up" : $"repeat {repeat} of {_options.Repeats}")}");
                LivePushSample sample = await MeasureAsync(cell.Vcpus, (ulong)repeat, image, cancel);
                // The first round includes JIT compilation and the first touch of the memory.
                if (repeat > 0) cell.Repeats.Add(sample);
            }
        }

        return LivePushReport.Of(_options, _cpus, cells);
    }

    private async Task<LivePushSample> MeasureAsync(int vcpus, ulong seed, BytePages image, CancellationToken cancel)
    {
        (double raw, long[] chunks) = ChunkRate.Measure(_options, _cpus, image);
        (_, long[] unloaded) = await DemandAsync(vcpus, seed, image, withPush: false, cancel);
        (double push, long[] loaded) = await DemandAsync(vcpus, seed, image, withPush: true, cancel);
        return new LivePushSample(raw, push, loaded.Length, P99(unloaded), P99(loaded), _options.ChunkPages / raw * 1e9, P99(chunks));
    }

    private Task<(double PushRate, long[] Latencies)> DemandAsync(
        int vcpus, ulong seed, BytePages image, bool withPush, CancellationToken cancel) =>
        FaultBench.WithRuntimeAsync("live", _config, async runtime =>
        {
            using StartGate gate = new(vcpus);
            // With a push the work ends when every page is there.
            int demands = withPush ? _options.Pages : _options.Demands;
            PacedTouches[] work = PacedTouches.Share(_options.Pages, vcpus, demands, _options.PauseMicroseconds, seed, gate);
            await using RingGuest guest = await RingGuest.StartAsync(runtime, _options, _cpus, image, work, cancel);
            try
            {
                foreach (PacedTouches vcpu in work) vcpu.IsThere = guest.Userfault.ReceivedOf(guest.Region).Contains;
                await await Task.WhenAny(gate.Arrived, guest.Vcpus.WaitAsync(cancel)).WaitAsync(cancel);
                gate.Open();
                double rate = withPush ? await PushAsync(guest, image, cancel) : 0;
                await guest.Vcpus.WaitAsync(cancel);
                // Without a push most pages stay absent, and closing would turn them into zeros.
                if (!withPush) await guest.Userfault.AbandonAsync(cancel);
                else await guest.CheckAsync(everyPageFaults: false);
                if (guest.Vcpus.Error is { } error) throw new BenchException($"A vCPU of the guest failed: {error}.");
                return (rate, work.SelectMany(w => w.Latencies).Order().ToArray());
            }
            catch
            {
                gate.Abandon();
                throw;
            }
        });

    private static async Task<double> PushAsync(RingGuest guest, BytePages image, CancellationToken cancel)
    {
        long begun = Dispatch.MonotonicClock.Nanoseconds;
        BackgroundPush push = await guest.Userfault.PushAsync(guest.Region, image, cancel);
        await push.WaitAsync(cancel);
        return push.Pages / ((Dispatch.MonotonicClock.Nanoseconds - begun) / 1e9);
    }

    private static double P99(long[] sorted) =>
        sorted.Length > 0
            ? sorted[(int)((sorted.Length - 1) * 0.99)]
            : throw new BenchException("The push was through before any demand was raised; measure more pages.");
}
