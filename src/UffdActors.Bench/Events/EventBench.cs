using UffdActors.Bench.Live;
using UffdActors.Linux.Needs;
using UffdActors.Model;

namespace UffdActors.Bench.Events;

/// <summary>
/// Measures whether the time of an event or a fault grows: REMOVE events of single, non-adjacent pages, window after window, and demand
/// faults in the first and the last of many regions. Live, everything is bound to one CPU, as
/// <see cref="LiveFaultBench"/> does.
/// </summary>
internal sealed class EventBench
{
    private readonly EventBenchOptions _options;

    /// <summary>Makes a benchmark.</summary>
    /// <exception cref="BenchException">An option is out of its range.</exception>
    public EventBench(EventBenchOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
    }

    private bool IsLive => _options.World == EventBenchWorld.Live;

    /// <summary>Runs all of it.</summary>
    /// <param name="progress">Called with what is measured next; may be null.</param>
    /// <param name="cancel">Cancels it.</param>
    /// <exception cref="BenchException">An event was not read, or the guest read a wrong value.</exception>
    /// <exception cref="UnsupportedMachineException">userfaultfd cannot be opened here.</exception>
    /// <exception cref="UffdException">The kernel refuses a call.</exception>
    /// <exception cref="VmFailedException">A VM failed closed.</exception>
    public async Task<EventBenchReport> RunAsync(Action<string>? progress = null, CancellationToken cancel = default)
    {
        using IPageSource source = IsLive
            ? new BytePages(EventBenchOptions.PagesOfMeasured)
            : new StampSource(EventBenchOptions.PagesOfMeasured);
        List<EventSample> events = [];
        RegionCell[] cells = [.. _options.Regions.Select(r => new RegionCell(r))];
        for (int repeat = 0; repeat <= _options.Repeats; repeat++)
        {
            string which = repeat == 0 ? "warming up" : $"repeat {repeat} of {_options.Repeats}";
            progress?.Invoke($"{_options.Events} events: {which}");
            EventSample sample = await EventsAsync(source, cancel);
            if (repeat > 0) events.Add(sample);
            foreach (RegionCell cell in cells)
            {
                progress?.Invoke($"faults with {cell.Regions} regions: {which}");
                RegionSample faults = await FaultsAsync(cell.Regions, source, cancel);
                if (repeat > 0) cell.Samples.Add(faults);
            }
        }

        return EventBenchReport.Of(_options, events, cells);
    }

    private Task<EventSample> EventsAsync(IPageSource source, CancellationToken cancel) => WithVmAsync(async vm =>
    {
        // Every second page: no two ranges can be joined.
        GuestRegion region = await vm.MapAsync(new RegionOptions { Pages = 2L * _options.Events }, cancel);
        Userfault userfault = await vm.OpenAsync(UffdFeatures.EventRemove, cancel);
        _ = await userfault.RegisterAsync(region, RegisterModes.Missing, cancel);
        await userfault.ServeAsync(new ServeOptions { Source = source }, cancel);
        EventRun run = new(region, _options.Events, vm.Root.NewCompletion());
        using IEventRaiser raiser = IsLive ? new LiveRaiser(vm, run, Cpus.Vcpus) : await ModelRaiser.CreateAsync(vm, run);
        Collect();
        TimeSpan pause = GC.GetTotalPauseDuration();
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        raiser.Start(cancel);
        await vm.Root.OrFailed(run.Ended.Task);
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        pause = GC.GetTotalPauseDuration() - pause;
        // The kernel wakes the last madvise(2) when its event is taken out of the queue, and the reader counts it after that; this call is
        // handled after both.
        _ = await userfault.PageStatesAsync(region, 0, 1, cancel);
        long read = userfault.Reader!.Counters.Events;
        if (read != _options.Events) throw new BenchException($"{read} events were read of {_options.Events} that were raised.");
        return new EventSample(run.WindowRates(), (double)allocated / _options.Events, pause.TotalMilliseconds);
    });

    private Task<RegionSample> FaultsAsync(int count, IPageSource source, CancellationToken cancel) => WithVmAsync(async vm =>
    {
        Userfault userfault = await vm.OpenAsync(UffdFeatures.None, cancel);
        for (int i = 0; i < count; i++)
        {
            int pages = i == 0 || i == count - 1 ? EventBenchOptions.PagesOfMeasured : EventBenchOptions.PagesBetween;
            _ = await userfault.RegisterAsync(
                await vm.MapAsync(new RegionOptions { Pages = pages }, cancel), RegisterModes.Missing, cancel);
        }

        await userfault.ServeAsync(new ServeOptions { Source = source }, cancel);
        RegionTouches work = new(count - 1, EventBenchOptions.PagesOfMeasured);
        Collect();
        VcpuGroup vcpu = await vm.StartVcpusAsync([work], EventBenchOptions.PagesOfMeasured, null, cancel);
        await vcpu.WaitAsync(cancel);
        if (vcpu.Error is { } error) throw new BenchException($"A vCPU of the guest failed: {error}.");
        return work.Sample();
    });

    // Collect garbage of earlier work now, not during the measurement.
    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    private static LiveCpus Cpus => new LiveBenchOptions().ChooseCpus();

    private Task<T> WithVmAsync<T>(Func<UffdVm, Task<T>> body) =>
        FaultBench.WithRuntimeAsync(IsLive ? "live" : "fault-loop", null, async runtime =>
        {
            VmOptions options = new() { MemoryPages = (2 * EventBenchOptions.PagesOfMeasured) + 16 };
            options = IsLive ? options with { Cpu = Cpus.Loop, VcpuCpu = Cpus.Vcpus } : options with { Content = ContentKind.Stamps };
            await using UffdVm vm = await runtime.CreateVmAsync(options);
            return await body(vm);
        });
}
