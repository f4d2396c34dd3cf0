using System.Text.Json;

namespace UffdActors.Cli.Tests;

/// <summary>Alone in the process: what other tests allocate meanwhile would be measured too.</summary>
[CollectionDefinition(nameof(BenchMemoryTests), DisableParallelization = true)]
[Collection(nameof(BenchMemoryTests))]
public sealed class BenchMemoryTests
{
    [Fact]
    public async Task Memory_is_within_its_limits()
    {
        CommandRun run = await CommandRun.Of("bench", "memory", "--json", "-");
        run.EndsWith(ExitCode.Done);
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal(2, json.RootElement.GetProperty("bookkeeping").GetArrayLength());
        Assert.True(json.RootElement.GetProperty("largeGuest").GetProperty("isWithinLimit").GetBoolean());
    }
}
