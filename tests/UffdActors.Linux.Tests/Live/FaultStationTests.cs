using UffdActors.Testing.Guests;

namespace UffdActors.Linux.Tests.Live;

/// <summary>The stations of a fault on the real kernel, as far as they can be known.</summary>
public sealed class FaultStationTests
{
    [SkippableTheory]
    [InlineData(1, 64)]
    [InlineData(4, 16)]
    public async Task Every_fault_passes_every_station_in_order(int sampleEvery, int sampled)
    {
        const int Pages = 64;
        await using LiveScene scene = await LiveScene.StartAsync(new PageBytes(Pages));

        VcpuGroup vcpus = await scene.Vm.StartVcpusAsync(
            [Steps.Reads([.. Enumerable.Range(0, Pages).Select(p => (long)p)])], sampleEvery, scene.Source, CancellationToken.None);
        await vcpus.WaitAsync().WaitAsync(LiveScene.Deadline);

        LatencySummary latency = LatencySummary.Of(vcpus);
        Assert.Equal(sampled, latency.Samples);
        // A hop that was passed backwards, or not at all, is not counted. Of the last fault nobody can say that it was stamped in time.
        foreach ((string hop, _, long samples) in latency.Hops) Assert.True(samples >= sampled - 1, $"{hop}: {samples} of {sampled}");
    }
}
