using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace UffdActors.Statistics;

/// <summary>
/// The meter "UffdActors": what the runtime counts anyway, read when it is collected. On the fault path there is one test whether
/// anybody listens. Names and units are those of OpenTelemetry's conventions.
/// </summary>
internal static class UffdMeter
{
    /// <summary>The name that a listener asks for.</summary>
    public const string Name = "UffdActors";

    private const int MostBucket = 24;

    private static readonly Meter Meter = new(Name, typeof(UffdMeter).Assembly.GetName().Version!.ToString(3));
    private static readonly ConcurrentDictionary<IMeteredVm, string> Vms = new();
    private static readonly Counter<long> IncidentCount =
        Meter.CreateCounter<long>("uffd.incidents", "{incident}", "What went wrong, by kind.");

    // In powers of two of a microsecond, as QEMU's "info migrate" has them.
    private static readonly Histogram<double> Duration = Meter.CreateHistogram(
        "uffd.fault.duration", "s", "From a sampled fault of a vCPU to its going on.", null,
        new InstrumentAdvice<double>
        {
            HistogramBucketBoundaries = [.. Enumerable.Range(0, MostBucket + 1).Select(power => (1L << power) / 1e6)],
        });

    static UffdMeter()
    {
        _ = Meter.CreateObservableCounter("uffd.faults", Faults, "{fault}", "Faults that were read, by type.");
        _ = Meter.CreateObservableCounter(
            "uffd.faults.merged", () => OfCounts(c => c.Merged), "{fault}", "Faults on a page that was being resolved already.");
        _ = Meter.CreateObservableCounter(
            "uffd.faults.repeated", () => OfCounts(c => c.Repeated), "{fault}", "Faults that a signal has made a thread raise again.");
        _ = Meter.CreateObservableCounter("uffd.events", () => OfCounts(c => c.Events), "{event}", "Events that were read.");
        _ = Meter.CreateObservableCounter("uffd.pages", Pages, "{page}", "Pages that were filled, by cause and content.");
        _ = Meter.CreateObservableUpDownCounter(
            "uffd.faults.outstanding", () => OfEach(vm => vm.Outstanding), "{page}", "Pages that are being resolved.");
        _ = Meter.CreateObservableCounter(
            "uffd.push.bytes", () => OfEach(vm => vm.PushedBytes), "By", "Bytes of content that background pushes have filled.");
    }

    /// <summary>From here on a VM is measured.</summary>
    public static void Add(IMeteredVm vm) => Vms[vm] = vm.Name;

    /// <summary>From here on it is not.</summary>
    public static void Remove(IMeteredVm vm) => Vms.TryRemove(vm, out _);

    /// <summary>Counts an incident of a VM.</summary>
    public static void Count(string vm, IncidentKind kind)
    {
        if (IncidentCount.Enabled) IncidentCount.Add(1, new("uffd.vm", vm), new("uffd.incident.kind", kind.ToString()));
    }

    /// <summary>Records how long a fault took, if anybody listens.</summary>
    public static void Record(long nanoseconds)
    {
        if (Duration.Enabled) Duration.Record(nanoseconds / 1e9);
    }

    private static IEnumerable<Measurement<long>> Faults()
    {
        foreach ((IMeteredVm vm, string name) in Vms)
        {
            FaultCounts[] all = [.. vm.Counts()];
            yield return Of(name, all.Sum(c => c.Missing), "uffd.fault.type", "missing");
            yield return Of(name, all.Sum(c => c.Minor), "uffd.fault.type", "minor");
            yield return Of(name, all.Sum(c => c.WriteProtect), "uffd.fault.type", "write-protect");
        }
    }

    private static IEnumerable<Measurement<long>> Pages()
    {
        foreach ((IMeteredVm vm, string name) in Vms)
        {
            FaultCounts[] all = [.. vm.Counts()];
            (long bytes, long zeros) = vm.PushedPages;
            yield return Of(name, all.Sum(c => c.DemandPages), "uffd.cause", "demand", "uffd.content", "bytes");
            yield return Of(name, all.Sum(c => c.DemandZeroPages), "uffd.cause", "demand", "uffd.content", "zero");
            yield return Of(name, bytes, "uffd.cause", "push", "uffd.content", "bytes");
            yield return Of(name, zeros, "uffd.cause", "push", "uffd.content", "zero");
        }
    }

    private static IEnumerable<Measurement<long>> OfCounts(Func<FaultCounts, long> count) => OfEach(vm => vm.Counts().Sum(count));

    private static IEnumerable<Measurement<long>> OfEach(Func<IMeteredVm, long> value) => Vms.Select(vm => Of(vm.Value, value(vm.Key)));

    private static Measurement<long> Of(string vm, long value, params ReadOnlySpan<string> tags)
    {
        KeyValuePair<string, object?>[] all = new KeyValuePair<string, object?>[1 + (tags.Length / 2)];
        all[0] = new("uffd.vm", vm);
        for (int i = 1; i < all.Length; i++) all[i] = new(tags[(2 * i) - 2], tags[(2 * i) - 1]);
        return new Measurement<long>(value, all);
    }
}
