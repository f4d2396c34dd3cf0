using UffdActors.Bench.Events;
using UffdActors.Bench.Live;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Bench.Tests;

/// <summary>
/// What a fault and an event allocate. Counted for the whole process: so alone in it, and of some repeats the least, for what the runtime
/// itself allocates now and then is in no repeat of all.
/// </summary>
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
[Collection(nameof(AllocationTests))]
public sealed class AllocationTests
{
    private const int Repeats = 3;
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    [SkippableFact]
    public async Task Live_an_event_allocates_nothing_but_what_the_run_itself_takes()
    {
        ThisKernel.Require();
        EventBenchOptions options = new() { World = EventBenchWorld.Live, Events = 20_000, Regions = [], Repeats = Repeats };
        EventBenchReport report = await new EventBench(options).RunAsync().WaitAsync(Deadline);
        // The smallest object has 24 bytes.
        Assert.InRange(report.AllocatedBytesPerEvent.Min, 0, 12);
    }

    [SkippableFact]
    public async Task The_ring_allocates_at_most_64_bytes_a_fault()
    {
        ThisKernel.Require();
        LiveBenchOptions options = new() { Vcpus = [2], Pages = 16_384, Repeats = Repeats };
        LiveFaultReport report = await new LiveFaultBench(options).RunAsync().WaitAsync(Deadline);
        Assert.InRange(report.Rows[0].Ring.AllocatedBytesPerFault!.Min, 0, 64);
    }
}
