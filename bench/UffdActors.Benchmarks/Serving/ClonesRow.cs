using System.Globalization;

namespace UffdActors.Benchmarks.Serving;

/// <summary>
/// 64 clones of a snapshot that begin at the same time, with the working set of the first guest fetched ahead: what is read of the file, by
/// the kernel's count of what the daemon has read.
/// </summary>
internal sealed class ClonesRow : ServeRow
{
    private const long Bytes = 64L << 20;
    private const int Clones = 64;

    // What else it reads: messages of the userfaultfds, and of /proc.
    private const double Target = 1.1;

    /// <inheritdoc />
    public override string Name => "clones";

    /// <inheritdoc />
    public override async IAsyncEnumerable<ServeFigure> MeasureAsync(ServeBench bench)
    {
        string memory = bench.Memory(Bytes);
        string set = bench.NewPath("set");
        await using ServeProcess daemon = await ServeProcess.PlainAsync(
            bench, memory, "--cache", "256M", "--record-working-set", set, "--max-sessions", "100");
        long before = daemon.BytesRead;
        await using (MeasuredGuest first = bench.Guest(daemon.Socket, Bytes, -1, "rate", "1")) _ = await first.BeginAsync();
        // It is recorded until it ends, which the daemon learns by itself.
        while (!File.Exists(set)) await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        double recorded = daemon.BytesRead - before;
        List<MeasuredGuest> clones = [];
        try
        {
            for (int i = 0; i < Clones; i++) clones.Add(bench.Guest(daemon.Socket, Bytes, -1, "rate", "1"));
            string[] said = await Task.WhenAll(clones.Select(c => c.BeginAsync()));
            double read = daemon.BytesRead - before;
            yield return ServeFigure.Of("MiB read for the first guest, which is recorded", recorded / (1 << 20));
            yield return ServeFigure.AtMost(
                string.Create(CultureInfo.InvariantCulture, $"reads / file ({Bytes >> 20} MiB), the first and {Clones} clones"),
                read / Bytes, Target);
            yield return ServeFigure.Of(
                "µs that a clone's page takes, median, no limit", Median(said.Select(s => ServeBench.Number(s, "p50"))));
        }
        finally
        {
            foreach (MeasuredGuest clone in clones) await clone.DisposeAsync();
        }
    }
}
