using Akka.Configuration;
using UffdActors.Dispatch.Stepping;

namespace UffdActors.Bench;

/// <summary>
/// Measures whole faults: pages never seen before, one demand fault each, no push, physical memory touched beforehand; and in the same
/// batch, interleaved, a ring of as many empty actors as a fault has hops. The ratio of the two is meaningful even on a machine where a
/// rate alone is not.
/// </summary>
internal sealed class FaultBench
{
    private readonly FaultBenchOptions _options;
    private readonly IWorkerProcesses? _workers;

    /// <summary>Makes a benchmark.</summary>
    /// <param name="options">What to measure.</param>
    /// <param name="workers">Starts processes; needed for <see cref="FaultBenchOptions.Processes"/> above 1.</param>
    /// <exception cref="BenchException">An option is out of its range.</exception>
    public FaultBench(FaultBenchOptions options, IWorkerProcesses? workers = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (options.Processes > 1 && workers is null)
            throw new BenchException($"{options.Processes} processes were asked for, and nothing can start them.");
        _options = options;
        _workers = workers;
    }

    /// <summary>Runs all of it.</summary>
    /// <param name="progress">Called with what is measured next; may be null.</param>
    /// <param name="cancel">Cancels it.</param>
    /// <exception cref="BenchException">A page was not exactly one fault, or its content was wrong.</exception>
    /// <exception cref="UffdConfigurationException">The configuration is invalid.</exception>
    /// <exception cref="VmFailedException">A VM failed closed.</exception>
    public async Task<FaultBenchReport> RunAsync(Action<string>? progress = null, CancellationToken cancel = default)
    {
        using IPageSource source = NewSource(_options);
        List<BenchCell> cells = [];
        foreach (string dispatcher in _options.Dispatchers)
        {
            foreach (int vcpus in _options.Vcpus)
            {
                progress?.Invoke($"{dispatcher}, {vcpus} vCPUs: counting messages and checking contents");
                cells.Add(new BenchCell(dispatcher, vcpus, await CountMessagesAsync(dispatcher, vcpus, source, cancel)));
            }
        }

        // Interleaved, so that disturbances of the machine affect every row; the first round warms up and is dropped.
        for (int repeat = 0; repeat <= _options.Repeats; repeat++)
        {
            foreach (BenchCell cell in cells)
            {
                progress?.Invoke(
                    $"{cell.Dispatcher}, {cell.Vcpus} vCPUs: {(repeat == 0 ? "warming up" : $"repeat {repeat} of {_options.Repeats}")}");
                RepeatSample sample = await MeasureAsync(cell, source, cancel);
                if (repeat > 0) cell.Samples.Add(sample);
            }
        }

        return FaultBenchReport.Of(_options, cells);
    }

    /// <summary>A source of the pages that a guest of these options needs.</summary>
    internal static IPageSource NewSource(FaultBenchOptions options) =>
        options.Content == BenchContent.Bytes && options.Mode == BenchMode.Missing
            ? new BytePages(options.Pages)
            : new StampSource(options.Pages);

    /// <summary>Runs code in a runtime of a dispatcher.</summary>
    internal static async Task<T> WithRuntimeAsync<T>(string dispatcher, Config? config, Func<UffdRuntime, Task<T>> body)
    {
        if (dispatcher == "stepped")
        {
            using SteppedHost host = new(config);
            return host.Run(() => body(host.Runtime));
        }

        Config profile = UffdSettings.Profile(dispatcher);
        await using UffdRuntime runtime = UffdRuntime.Start(config is null ? profile : config.WithFallback(profile));
        return await body(runtime);
    }

    private Task<double> CountMessagesAsync(string dispatcher, int vcpus, IPageSource source, CancellationToken cancel)
    {
        bool stepped = dispatcher == "stepped";
        Config? config = stepped
            ? _options.Config
            : CountingMailbox.Configuration.WithFallback(_options.Config ?? ConfigurationFactory.Empty);
        return WithRuntimeAsync(dispatcher, config, async runtime =>
        {
            long Taken() => stepped ? SteppedLoop.Of(runtime.System).Steps : MessageCounts.Of(runtime.System).Taken;
            await using BenchGuest guest = await BenchGuest.PrepareAsync(runtime, _options, vcpus, _options.CpuOf(0), source, cancel);
            long before = Taken();
            FaultRun run = await guest.RunAsync(check: true, cancel);
            return (double)(Taken() - before) / run.Faults;
        });
    }

    private async Task<RepeatSample> MeasureAsync(BenchCell cell, IPageSource source, CancellationToken cancel)
    {
        RepeatSample sample = await MeasureOneAsync(cell, source, cancel);
        if (_options.Vms > 1) sample = sample with { Vms = await MeasureVmsAsync(cell, source, cancel) };
        if (_options.Processes > 1)
            sample = sample with
            {
                Processes = await _workers!.RunAsync(_options with { Dispatchers = [cell.Dispatcher], Vcpus = [cell.Vcpus] }, cancel),
            };
        return sample;
    }

    private Task<RepeatSample> MeasureOneAsync(BenchCell cell, IPageSource source, CancellationToken cancel) =>
        WithRuntimeAsync(cell.Dispatcher, _options.Config, async runtime =>
        {
            await using BenchGuest guest = await BenchGuest.PrepareAsync(runtime, _options, cell.Vcpus, _options.CpuOf(0), source, cancel);
            long allocated = Collect();
            TimeSpan cpu = Environment.CpuUsage.TotalTime;
            FaultRun run = await guest.RunAsync(check: false, cancel);
            cpu = Environment.CpuUsage.TotalTime - cpu;
            allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
            TimeSpan emptyCpu = Environment.CpuUsage.TotalTime;
            HopRun empty = await EmptyRing.RunAsync(
                runtime.System,
                guest.DispatcherId,
                cell.Hops,
                cell.Vcpus,
                run.Faults * cell.Hops,
                runtime.Settings.IsStepped ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously);
            emptyCpu = Environment.CpuUsage.TotalTime - emptyCpu;
            return new RepeatSample(run, allocated, cpu, empty, emptyCpu);
        });

    private Task<FaultRun?> MeasureVmsAsync(BenchCell cell, IPageSource source, CancellationToken cancel) =>
        WithRuntimeAsync(cell.Dispatcher, _options.Config, async runtime =>
        {
            List<BenchGuest> guests = [];
            try
            {
                for (int i = 0; i < _options.Vms; i++)
                    guests.Add(await BenchGuest.PrepareAsync(runtime, _options, cell.Vcpus, _options.CpuOf(i), source, cancel));
                _ = Collect();
                FaultRun[] runs = await Task.WhenAll(guests.Select(g => g.RunAsync(check: false, cancel)));
                return (FaultRun?)FaultRun.Together(runs);
            }
            finally
            {
                foreach (BenchGuest guest in guests) await guest.DisposeAsync();
            }
        });

    // Collect garbage of earlier work now, not during the measurement.
    private static long Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return GC.GetTotalAllocatedBytes(precise: true);
    }
}
