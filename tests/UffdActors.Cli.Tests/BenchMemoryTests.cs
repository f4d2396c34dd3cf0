using System.Diagnostics;
using System.Text.Json;
using UffdActors.Cli.Hosting;

namespace UffdActors.Cli.Tests;

/// <summary>
/// In a process of its own, as a user runs it: what other tests have left and allocate would be measured too, and alone, for the measured
/// guest is large.
/// </summary>
[CollectionDefinition(nameof(BenchMemoryTests), DisableParallelization = true)]
[Collection(nameof(BenchMemoryTests))]
public sealed class BenchMemoryTests
{
    private static readonly TimeSpan Hang = TimeSpan.FromMinutes(10);

    [Fact]
    public async Task Memory_is_within_its_limits()
    {
        using CancellationTokenSource hang = new(Hang);
        ProcessStartInfo start = new(Path.Combine(AppContext.BaseDirectory, "uffd"), ["bench", "memory", "--json", "-"])
        {
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        try
        {
            string output = await process.StandardOutput.ReadToEndAsync(hang.Token);
            await process.WaitForExitAsync(hang.Token);
            Assert.True(process.ExitCode == ExitCode.Done, output);
            DocumentRules.Hold(output, "uffd-bench-memory");
            using JsonDocument json = JsonDocument.Parse(output);
            Assert.Equal(2, json.RootElement.GetProperty("bookkeeping").GetArrayLength());
            Assert.True(json.RootElement.GetProperty("largeGuest").GetProperty("isWithinLimit").GetBoolean());
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }
}
