using System.Globalization;

namespace UffdActors.Benchmarks.Serving;

/// <summary>
/// Demand faults a second of one VM, daemon and VMM on one CPU, content in the daemon's cache. In turns with it, on the same CPU: the loop
/// in C whose guest is its own process, and one in C that serves the same VMM as the daemon does, from another process.
/// </summary>
internal sealed class DemandRow : ServeRow
{
    private const long Bytes = 256L << 20;
    private const double Target = 0.85;

    // The content comes to the cache, the machine's memory to this program, and what the daemon runs most is compiled once more.
    private const int Unmeasured = 6;

    /// <inheritdoc />
    public override string Name => "demand";

    /// <inheritdoc />
    public override async IAsyncEnumerable<ServeFigure> MeasureAsync(ServeBench bench)
    {
        string memory = bench.Memory(Bytes);
        foreach (int threads in (int[])[1, 4])
        {
            List<double> ours = [];
            List<double> native = [];
            List<double> ratios = [];
            List<double> least = [];
            List<double> overLeast = [];
            await using ServeProcess copyLoop = await ServeProcess.CopyLoopAsync(bench, memory, cpus: "0");
            await using ServeProcess daemon = await ServeProcess.DaemonAsync(bench, memory, "cache = 1g", cpus: "0");
            for (int round = 0; round < bench.Rounds + Unmeasured; round++)
            {
                // Both in turn go first.
                double? direct = round % 2 == 0 ? await NativeAsync(bench, threads) : null;
                double served = await ServedAsync(bench, daemon, threads);
                double copied = await ServedAsync(bench, copyLoop, threads);
                direct ??= await NativeAsync(bench, threads);
                if (round < Unmeasured) continue;
                ours.Add(served);
                least.Add(copied);
                overLeast.Add(served / copied);
                if (direct is not { } loop) continue;
                native.Add(loop);
                ratios.Add(served / loop);
            }

            string who = $"{threads} vCPU{(threads == 1 ? "" : "s")}, one CPU";
            yield return ServeFigure.Of($"faults/s, {who}", Median(ours));
            yield return ServeFigure.Of($"faults/s of a loop in C in another process, {who}", Median(least));
            yield return ServeFigure.Of($"ours / loop in C in another process, {who}", Median(overLeast));
            if (ratios.Count == 0) continue;
            yield return ServeFigure.Of($"faults/s of the loop in C, {who}", Median(native));
            yield return ServeFigure.AtLeast($"ours / loop in C, {who}", Median(ratios), Target);
        }
    }

    private static async Task<double> ServedAsync(ServeBench bench, ServeProcess by, int threads)
    {
        await using MeasuredGuest guest = bench.Guest(by.Socket, Bytes, 0, "rate", Text(threads));
        return ServeBench.Number(await guest.BeginAsync(), "rate");
    }

    private static async Task<double?> NativeAsync(ServeBench bench, int threads)
    {
        if (bench.FaultLoop is not { } path) return null;
        string said = await ServeBench.RunAsync(
            path, "-p", Text(Bytes >> 12), "-v", Text(threads), "-B", "64", "-r", "1", "-b", "anon", "-P", "same");
        return ServeBench.Number(said.Split('\n').First(l => l.StartsWith("run=0 ", StringComparison.Ordinal)), "faults_per_s");
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
