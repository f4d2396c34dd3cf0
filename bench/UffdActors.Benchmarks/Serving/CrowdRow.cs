namespace UffdActors.Benchmarks.Serving;

/// <summary>Demand faults a second of one VM alone, and beside 200 idle ones whose userfaultfds the same loop waits for.</summary>
internal sealed class CrowdRow : ServeRow
{
    private const long Bytes = 64L << 20;
    private const int Vms = 200;
    private const double Target = 0.8;

    // What the daemon runs most is compiled once more meanwhile.
    private const int Unmeasured = 4;

    /// <inheritdoc />
    public override string Name => "crowd";

    /// <inheritdoc />
    public override async IAsyncEnumerable<ServeFigure> MeasureAsync(ServeBench bench)
    {
        string memory = bench.Memory(Bytes);
        await using ServeProcess few = await ServeProcess.DaemonAsync(
            bench, memory, "cache = 128m", cpus: "0", runtime: "uffd.fault-loop.loops = 1");
        await using ServeProcess many = await ServeProcess.DaemonAsync(
            bench, memory, "cache = 128m", cpus: "0", runtime: "uffd.fault-loop.loops = 1");
        List<MeasuredGuest> idle = [];
        try
        {
            for (int i = 0; i < Vms; i++)
            {
                idle.Add(bench.Guest(many.Socket, Bytes, -1, "first"));
                _ = await idle[^1].LineAsync();
            }

            List<double> alone = [];
            List<double> beside = [];
            List<double> ratios = [];
            for (int round = 0; round < bench.Rounds + Unmeasured; round++)
            {
                double first = await RateAsync(bench, few);
                double second = await RateAsync(bench, many);
                if (round < Unmeasured) continue;
                alone.Add(first);
                beside.Add(second);
                ratios.Add(second / first);
            }

            yield return ServeFigure.Of("faults/s of one VM, one loop, one CPU", Median(alone));
            yield return ServeFigure.Of($"faults/s of it beside {Vms} idle VMs of the same loop", Median(beside));
            yield return ServeFigure.AtLeast("beside / alone", Median(ratios), Target);
        }
        finally
        {
            foreach (MeasuredGuest guest in idle) await guest.DisposeAsync();
        }
    }

    private static async Task<double> RateAsync(ServeBench bench, ServeProcess daemon)
    {
        await using MeasuredGuest guest = bench.Guest(daemon.Socket, Bytes, 0, "rate", "1");
        return ServeBench.Number(await guest.BeginAsync(), "rate");
    }
}
