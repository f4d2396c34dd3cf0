using System.Diagnostics.Metrics;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace UffdActors.Hosting.Tests;

/// <summary>The meter "UffdActors", as a listener and as OpenTelemetry collect it.</summary>
[Collection(nameof(OneRuntimeCollection))]
public sealed class MeterTests
{
    private const int Pages = 16;
    private const int Touched = 10;

    [Fact]
    public async Task What_the_runtime_counts_is_measured_as_long_as_the_vm_is_there()
    {
        using Listener listener = new();
        await using UffdRuntime runtime = UffdRuntime.Start();
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
        VcpuGroup vcpus = await RunAsync(vm, new LosingSource(Pages));

        listener.Collect();

        Assert.Equal(Touched, vcpus.Faults);
        Assert.Equal(Touched, listener["uffd.faults", "missing"]);
        Assert.Equal(0, listener["uffd.faults", "minor"]);
        Assert.Equal(0, listener["uffd.faults.outstanding", vm.Name]);
        Assert.Equal(Touched, listener["uffd.pages", "demand zero"]);
        Assert.Equal(Pages - Touched, listener["uffd.pages", "push zero"]);
        Assert.Equal(0, listener["uffd.push.bytes", vm.Name]);
        Assert.Equal(Touched, listener.Durations);

        await vm.DisposeAsync();
        listener.Collect();
        Assert.Null(listener["uffd.faults", "missing"]);
    }

    [Fact]
    public async Task An_incident_counts_by_its_kind()
    {
        using Listener listener = new();
        await using UffdRuntime runtime = UffdRuntime.Start();
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });

        _ = await ServeAsync(vm, new LosingSource(Pages, lost: 3));
        _ = await vm.StartVcpusAsync([new SyntheticWorkload(WorkloadKind.Sequential, Pages, Touched, 0, 1, 0, 1)]);
        Incident incident = await vm.Incidents.ReadAsync();

        Assert.Equal(IncidentKind.PageLost, incident.Kind);
        Assert.Equal(1, listener["uffd.incidents", "PageLost"]);
    }

    [Fact]
    public async Task OpenTelemetry_collects_it_with_units_and_the_buckets_of_QEMU()
    {
        Exporter exporter = new();
        using MeterProvider provider = Sdk.CreateMeterProviderBuilder()
            .AddMeter("UffdActors").AddReader(new BaseExportingMetricReader(exporter)).Build();
        await using UffdRuntime runtime = UffdRuntime.Start();
        await using UffdVm vm = await runtime.CreateVmAsync(new VmOptions { MemoryPages = 64 });
        _ = await RunAsync(vm, new LosingSource(Pages));

        Assert.True(provider.ForceFlush());

        Assert.Equal("{fault}", exporter.Units["uffd.faults"]);
        Assert.Equal("s", exporter.Units["uffd.fault.duration"]);
        Assert.Equal(Touched, exporter.Samples);
        Assert.Equal([0.000001, 0.000002, 0.000004], exporter.Bounds.Take(3));
    }

    private static async Task<Userfault> ServeAsync(UffdVm vm, LosingSource source)
    {
        GuestRegion memory = await vm.MapAsync(new RegionOptions { Pages = Pages });
        Userfault uffd = await vm.OpenAsync();
        _ = await uffd.RegisterAsync(memory, RegisterModes.Missing);
        await uffd.ServeAsync(new ServeOptions { Source = source });
        return uffd;
    }

    private static async Task<VcpuGroup> RunAsync(UffdVm vm, LosingSource source)
    {
        Userfault uffd = await ServeAsync(vm, source);
        VcpuGroup vcpus =
            await vm.StartVcpusAsync([new SyntheticWorkload(WorkloadKind.Sequential, Pages, Touched, 0, 1, 0, 1)]);
        await vcpus.WaitAsync();
        await (await uffd.PushAsync(vm.Regions[0], source)).WaitAsync();
        return vcpus;
    }

    /// <summary>Keeps the last value of each instrument, by the tags behind the VM's name.</summary>
    private sealed class Listener : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly Dictionary<(string, string), long> _values = [];

        public Listener()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "UffdActors") listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            {
                string all = string.Join(' ', tags.ToArray().Skip(tags.Length == 1 ? 0 : 1).Select(t => t.Value));
                lock (_values) _values[(instrument.Name, all)] = value;
            });
            _listener.SetMeasurementEventCallback<double>((_, _, _, _) => Durations++);
            _listener.Start();
        }

        public int Durations { get; private set; }

        public long? this[string instrument, string tags]
        {
            get
            {
                lock (_values) return _values.TryGetValue((instrument, tags), out long value) ? value : null;
            }
        }

        public void Collect()
        {
            lock (_values) _values.Clear();
            _listener.RecordObservableInstruments();
        }

        public void Dispose() => _listener.Dispose();
    }

    private sealed class Exporter : BaseExporter<Metric>
    {
        public Dictionary<string, string> Units { get; } = [];

        public List<double> Bounds { get; } = [];

        public long Samples { get; private set; }

        public override ExportResult Export(in Batch<Metric> batch)
        {
            foreach (Metric metric in batch)
            {
                Units[metric.Name] = metric.Unit;
                if (metric.MetricType != MetricType.Histogram) continue;
                foreach (ref readonly MetricPoint point in metric.GetMetricPoints())
                {
                    Samples = point.GetHistogramCount();
                    foreach (HistogramBucket bucket in point.GetHistogramBuckets()) Bounds.Add(bucket.ExplicitBound);
                }
            }

            return ExportResult.Success;
        }
    }
}
