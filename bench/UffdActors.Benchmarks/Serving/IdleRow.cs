namespace UffdActors.Benchmarks.Serving;

/// <summary>200 VMs whose guests do nothing: time on a CPU beside that of a daemon without guests, and memory.</summary>
internal sealed class IdleRow : ServeRow
{
    private const long Bytes = 1L << 30;
    private const int Vms = 200;
    private const double TargetKibibytes = 256;

    // The kernel tells of hundredths of a second: one of them.
    private const double TargetPercent = 0.1;

    // Threads of the pool end when they had nothing to do for twenty seconds.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(25);
    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(10);

    /// <inheritdoc />
    public override string Name => "idle";

    /// <inheritdoc />
    public override async IAsyncEnumerable<ServeFigure> MeasureAsync(ServeBench bench)
    {
        string memory = bench.Memory(Bytes, 1 << 20, 64 << 20);
        await using ServeProcess daemon = await ServeProcess.DaemonAsync(bench, memory);
        // What any guest needs is there.
        await using (MeasuredGuest first = bench.Guest(daemon.Socket, Bytes, -1, "first")) _ = await first.LineAsync();
        await Task.Delay(Settling, TimeProvider.System);
        (double Cpu, long Memory) alone = (await CpuAsync(daemon), daemon.MemoryBytes);
        List<MeasuredGuest> guests = [];
        try
        {
            for (int i = 0; i < Vms; i++)
            {
                guests.Add(bench.Guest(daemon.Socket, Bytes, -1, "first"));
                _ = await guests[^1].LineAsync();
            }

            await Task.Delay(Settling, TimeProvider.System);
            (double Cpu, long Memory) full = (await CpuAsync(daemon), daemon.MemoryBytes);
            yield return ServeFigure.Of("% of a CPU, a daemon without guests", alone.Cpu);
            yield return ServeFigure.AtMost($"% of a CPU more, {Vms} idle VMs", full.Cpu - alone.Cpu, TargetPercent);
            yield return ServeFigure.Of($"threads, {Vms} idle VMs", daemon.Threads);
            yield return ServeFigure.AtMost(
                $"KiB for each of {Vms} idle VMs", (full.Memory - alone.Memory) / 1024.0 / Vms, TargetKibibytes);
        }
        finally
        {
            foreach (MeasuredGuest guest in guests) await guest.DisposeAsync();
        }
    }

    private static async Task<double> CpuAsync(ServeProcess daemon)
    {
        TimeSpan before = daemon.CpuTime;
        await Task.Delay(Watched, TimeProvider.System);
        return (daemon.CpuTime - before) / Watched * 100;
    }
}
