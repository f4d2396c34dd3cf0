namespace UffdActors.Benchmarks.Serving;

/// <summary>From the moment when a VMM sends its hand-over until its guest has the first page.</summary>
internal sealed class FirstFaultRow : ServeRow
{
    private const long Bytes = 1L << 30;
    private const int Guests = 20;
    private const double TargetMilliseconds = 5;

    /// <inheritdoc />
    public override string Name => "first";

    /// <inheritdoc />
    public override async IAsyncEnumerable<ServeFigure> MeasureAsync(ServeBench bench)
    {
        string memory = bench.Memory(Bytes, 1 << 20, 64 << 20);
        List<double> firsts = [];
        List<double> others = [];
        for (int round = 0; round < bench.Rounds; round++)
        {
            await using ServeProcess daemon = await ServeProcess.DaemonAsync(bench, memory, "cache = 64m");
            for (int i = 0; i < Guests; i++)
            {
                await using MeasuredGuest guest = bench.Guest(daemon.Socket, Bytes, -1, "first");
                (i == 0 ? firsts : others).Add(ServeBench.Number(await guest.LineAsync(), "first") / 1e3);
            }
        }

        double[] sorted = [.. others.Order()];
        yield return ServeFigure.AtMost(
            "ms from hand-over to first page, first guest of a daemon, median", Median(firsts), TargetMilliseconds);
        yield return ServeFigure.AtMost("ms from hand-over to first page, median", Median(others), TargetMilliseconds);
        yield return ServeFigure.Of("ms from hand-over to first page, 95th of 100", sorted[sorted.Length * 95 / 100]);
    }
}
