using BenchmarkDotNet.Attributes;
using UffdActors.Bench;

namespace UffdActors.Benchmarks;

/// <summary>A hop between actors that do nothing, and a whole fault, on each dispatcher.</summary>
[MemoryDiagnoser]
public class RingBenchmarks
{
    private const int Vcpus = 4;
    private const int Hops = 5;
    private const int Pages = 65_536;

    private UffdRuntime _runtime = null!;
    private StampSource _source = null!;
    private BenchGuest _guest = null!;

    [Params("fault-loop", "parallel")]
    public string Dispatcher { get; set; } = "fault-loop";

    [GlobalSetup]
    public void Start()
    {
        _runtime = UffdRuntime.Start(UffdSettings.Profile(Dispatcher));
        _source = new StampSource(Pages);
    }

    // A page can be missing only once, so every iteration has a guest of its own.
    [IterationSetup]
    public void Prepare() =>
        _guest = BenchGuest.PrepareAsync(_runtime, new FaultBenchOptions { Pages = Pages }, Vcpus, null, _source, CancellationToken.None)
            .GetAwaiter().GetResult();

    [Benchmark(OperationsPerInvoke = Pages)]
    public long Fault() => _guest.RunAsync(check: false, CancellationToken.None).GetAwaiter().GetResult().Faults;

    [Benchmark(OperationsPerInvoke = Pages * Hops)]
    public double EmptyHop() =>
        EmptyRing.RunAsync(
            _runtime.System, _guest.DispatcherId, Hops, Vcpus, Pages * Hops, TaskCreationOptions.RunContinuationsAsynchronously)
            .GetAwaiter().GetResult().Nanoseconds;

    [IterationCleanup]
    public void Dispose() => _guest.DisposeAsync().AsTask().GetAwaiter().GetResult();

    [GlobalCleanup]
    public void Stop()
    {
        _runtime.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _source.Dispose();
    }
}
