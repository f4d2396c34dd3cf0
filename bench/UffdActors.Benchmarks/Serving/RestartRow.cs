namespace UffdActors.Benchmarks.Serving;

/// <summary>
/// The longest fault of a guest whose daemon is killed under load and started again at once, over the time that a daemon takes to start
/// whose guest does nothing; in turns.
/// </summary>
internal sealed class RestartRow : ServeRow
{
    private const long Bytes = 256L << 20;
    private const double TargetMilliseconds = 300;

    /// <inheritdoc />
    public override string Name => "restart";

    /// <inheritdoc />
    public override async IAsyncEnumerable<ServeFigure> MeasureAsync(ServeBench bench)
    {
        string memory = bench.Memory(Bytes);
        List<double> starts = [];
        List<double> longest = [];
        await using ServeProcess idle = await ServeProcess.DaemonAsync(bench, memory);
        await using ServeProcess daemon = await ServeProcess.DaemonAsync(bench, memory);
        // One that has none compiles its code before it serves.
        await using MeasuredGuest still = bench.Guest(idle.Socket, Bytes, -1, "first");
        _ = await still.LineAsync();
        await using MeasuredGuest guest = bench.Guest(daemon.Socket, Bytes, -1, "load", "4");
        _ = await guest.BeginAsync();
        for (int round = 0; round < bench.Rounds; round++)
        {
            await idle.KillAsync();
            await idle.StartAsync();
            starts.Add(idle.StartTime.TotalMilliseconds);
            _ = await guest.AskAsync();
            await daemon.KillAsync();
            await daemon.StartAsync();
            // Until every thread has had its page; the guest's own count tells, and a second is far more than that.
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System);
            longest.Add(ServeBench.Number(await guest.AskAsync(), "longest") / 1e3);
        }

        yield return ServeFigure.Of("ms that a daemon whose guest does nothing takes to start", Median(starts));
        yield return ServeFigure.Of("ms, longest fault over a restart under load, median", Median(longest));
        yield return ServeFigure.AtMost(
            "ms, longest fault of all restarts over the median start", longest.Max() - Median(starts), TargetMilliseconds);
    }
}
