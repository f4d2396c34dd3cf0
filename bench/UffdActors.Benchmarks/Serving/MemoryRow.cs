using System.Globalization;

namespace UffdActors.Benchmarks.Serving;

/// <summary>Memory of a daemon that serves a VM of 8 GiB, whose guest touches 100 MiB in 400 pieces far from each other.</summary>
internal sealed class MemoryRow : ServeRow
{
    private const long Bytes = 8L << 30;
    private const long Touched = 100L << 20;
    private const long Piece = 256 << 10;
    private const double TargetMebibytes = 150;

    /// <inheritdoc />
    public override string Name => "memory";

    /// <inheritdoc />
    public override async IAsyncEnumerable<ServeFigure> MeasureAsync(ServeBench bench)
    {
        long stride = Bytes / (Touched / Piece) / Piece * Piece;
        string memory = bench.Memory(Bytes, Piece, stride);
        await using ServeProcess daemon = await ServeProcess.DaemonAsync(bench, memory);
        double before = daemon.MemoryBytes / (double)(1 << 20);
        await using MeasuredGuest guest = bench.Guest(daemon.Socket, Bytes, -1, "some", Text(Piece), Text(stride));
        double pages = ServeBench.Number(await guest.BeginAsync(), "touched");
        yield return ServeFigure.Of("MiB of a daemon without guests", before);
        yield return ServeFigure.AtMost(
            $"MiB of a daemon, a VM of 8 GiB that has touched {pages / 256:0} MiB",
            daemon.MemoryBytes / (double)(1 << 20), TargetMebibytes);
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
