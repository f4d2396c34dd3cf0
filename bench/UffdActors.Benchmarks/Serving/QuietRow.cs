namespace UffdActors.Benchmarks.Serving;

/// <summary>
/// The p99 of a VM that touches a page a millisecond, alone and beside one whose four threads fault without a pause; in turns. Each VMM has
/// a CPU of its own, so what is measured is the daemon; on a machine of one CPU, the scheduler.
/// </summary>
internal sealed class QuietRow : ServeRow
{
    private const long Bytes = 512L << 20;
    private const double Target = 2;

    /// <inheritdoc />
    public override string Name => "quiet";

    /// <inheritdoc />
    public override async IAsyncEnumerable<ServeFigure> MeasureAsync(ServeBench bench)
    {
        string memory = bench.Memory(Bytes);
        int other = Math.Min(1, Environment.ProcessorCount - 1);
        await using ServeProcess daemon = await ServeProcess.DaemonAsync(bench, memory, "cache = 1g");
        await using MeasuredGuest quiet = bench.Guest(daemon.Socket, Bytes, other, "quiet", "1000", "1000");
        _ = await quiet.BeginAsync();
        List<double> alone = [];
        List<double> beside = [];
        for (int round = 0; round < bench.Rounds; round++)
        {
            alone.Add(ServeBench.Number(await quiet.AskAsync(), "p99"));
            await using MeasuredGuest storm = bench.Guest(daemon.Socket, Bytes, 0, "load", "4");
            _ = await storm.BeginAsync();
            beside.Add(ServeBench.Number(await quiet.AskAsync(), "p99"));
        }

        yield return ServeFigure.Of("µs, p99 of a quiet VM alone", Median(alone));
        yield return ServeFigure.Of("µs, p99 of it beside a storming one", Median(beside));
        yield return ServeFigure.AtMost("beside / alone", Median(beside) / Median(alone), Target);
    }
}
