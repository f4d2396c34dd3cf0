namespace UffdActors.Bench.Tests;

/// <summary>Figures that nobody has measured.</summary>
internal static class SampleReport
{
    public static FaultBenchReport Of(double rate) => new()
    {
        Machine = new BenchMachine(2, "runtime", "system", false),
        Content = "phantom",
        Mode = "missing",
        Pages = 10,
        Repeats = 1,
        Cpus = [],
        Rows =
        [
            new FaultBenchRow
            {
                Dispatcher = "fault-loop",
                Vcpus = 4,
                FaultsPerSecond = new Spread(rate, rate, rate),
                MessagesPerFault = 5,
                HopNanoseconds = new Spread(1, 1, 1),
                EmptyHopNanoseconds = new Spread(1, 1, 1),
                HopRatio = new Spread(1, 1, 1),
                CpuNanosecondsPerFault = new Spread(1, 1, 1),
                HopCpuRatio = new Spread(1, 1, 1),
                AllocatedBytesPerFault = new Spread(0, 0, 0),
            },
        ],
    };
}
