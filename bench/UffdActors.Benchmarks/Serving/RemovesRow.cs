using System.Globalization;

namespace UffdActors.Benchmarks.Serving;

/// <summary>REMOVE events of a page each, every second page: whether the last ones cost more than the first.</summary>
internal sealed class RemovesRow : ServeRow
{
    private const int Events = 100_000;
    private const long Bytes = 1L << 30;
    private const double Target = 0.8;

    /// <inheritdoc />
    public override string Name => "removes";

    /// <inheritdoc />
    public override async IAsyncEnumerable<ServeFigure> MeasureAsync(ServeBench bench)
    {
        string memory = bench.Memory(Bytes, 1 << 20, 64 << 20);
        List<double> first = [];
        List<double> last = [];
        List<double> ratios = [];
        await using ServeProcess daemon = await ServeProcess.DaemonAsync(bench, memory, cpus: "0");
        for (int round = 0; round <= bench.Rounds; round++)
        {
            await using MeasuredGuest guest =
                bench.Guest(daemon.Socket, Bytes, 0, "removes", Events.ToString(CultureInfo.InvariantCulture));
            string line = await guest.BeginAsync();
            double[] rates = [.. line["rates=".Length..].Split(',').Select(r => double.Parse(r, CultureInfo.InvariantCulture))];
            // The code of the first is compiled while it runs.
            if (round == 0) continue;
            first.Add(rates[0]);
            last.Add(rates[^1]);
            ratios.Add(rates[^1] / rates[0]);
        }

        yield return ServeFigure.Of("REMOVE events/s, first tenth of 100,000", Median(first));
        yield return ServeFigure.Of("REMOVE events/s, last tenth", Median(last));
        yield return ServeFigure.AtLeast("last / first", Median(ratios), Target);
    }
}
