using Akka.Configuration;
using UffdActors.Stress.Plan;
using UffdActors.Testing.ThisMachine;

namespace UffdActors.Stress.Tests;

/// <summary>Short stress runs, bounded by rounds and visits.</summary>
internal static class Stresses
{
    /// <summary>Where nothing hangs this is never waited for.</summary>
    private static readonly TimeSpan NoTime = TimeSpan.FromMinutes(30);

    public static StressOptions Few { get; } = new()
    {
        Pages = 32,
        Vcpus = 4,
        Handlers = 3,
        VisitsPerLap = 96,
        MostRounds = 4,
        Duration = NoTime,
        Deadline = TimeSpan.FromMinutes(10),
        CrashRate = 0.02,
        SourceFaultRate = 0.1,
    };

    public static async Task<StressReport> RunAsync(string place, StressOptions options)
    {
        if (place == "live") ThisKernel.Require();
        Config config = StressRun.ConfigurationOver(UffdSettings.Profile(place));
        await using UffdRuntime runtime = UffdRuntime.Start(config);
        return await new StressRun(options).RunAsync(runtime);
    }
}
