using System.Globalization;

namespace UffdActors.Benchmarks.Serving;

/// <summary>
/// One VM whose pages cost time on a CPU, its daemon on one CPU and on two: a back end that decompresses, and huge pages that are copied.
/// Four threads of the guest fault, each on pages that no other has asked for.
/// </summary>
internal sealed class CpusRow : ServeRow
{
    private const long Bytes = 256L << 20;
    private const double Target = 1.6;
    private const string Threads = "4";

    // The first guest of a daemon meets code that is not compiled yet.
    private const int Unmeasured = 2;

    /// <inheritdoc />
    public override string Name => "cpus";

    /// <inheritdoc />
    public override async IAsyncEnumerable<ServeFigure> MeasureAsync(ServeBench bench)
    {
        if (Environment.ProcessorCount < 2)
        {
            yield return ServeFigure.Of("CPUs of this machine; two are needed", Environment.ProcessorCount);
            yield break;
        }

        string memory = bench.Memory(Bytes);
        await foreach (ServeFigure figure in CompareAsync(
            bench, "256 KiB chunks decompressed/s", ["spread", Threads, Text(BackEndServer.ChunkBytes)],
            cpus => ServeProcess.BackEndAsync(bench, Bytes, cpus)))
            yield return figure;
        if (ServeBench.HugePages < Bytes >> 21)
        {
            yield return ServeFigure.Of($"free huge pages; {Bytes >> 21} are needed (/proc/sys/vm/nr_hugepages)", ServeBench.HugePages);
            yield break;
        }

        await foreach (ServeFigure figure in CompareAsync(
            bench, "2 MiB pages/s", ["spread-huge", Threads, Text(2 << 20)],
            cpus => ServeProcess.DaemonAsync(bench, memory, cpus: cpus)))
            yield return figure;
    }

    private static async IAsyncEnumerable<ServeFigure> CompareAsync(
        ServeBench bench, string what, IReadOnlyList<string> mode, Func<string, Task<ServeProcess>> start)
    {
        List<double> one = [];
        List<double> two = [];
        List<double> ratios = [];
        int lost = 0;
        await using ServeProcess onOne = await start("0");
        await using ServeProcess onTwo = await start("0,1");
        for (int round = 0; round < bench.Rounds + Unmeasured; round++)
        {
            if (await TryRateAsync(bench, onOne, mode) is not { } first || await TryRateAsync(bench, onTwo, mode) is not { } second)
            {
                lost++;
                continue;
            }

            if (round < Unmeasured) continue;
            one.Add(first);
            two.Add(second);
            ratios.Add(second / first);
        }

        if (lost > 0) yield return ServeFigure.Of($"rounds of {bench.Rounds + Unmeasured} in which others had the huge pages", lost);
        if (ratios.Count == 0) yield break;
        yield return ServeFigure.Of($"{what}, one VM, one CPU", Median(one));
        yield return ServeFigure.Of($"{what}, one VM, two CPUs", Median(two));
        yield return ServeFigure.AtLeast($"{what}, two CPUs / one", Median(ratios), Target);
    }

    // The pool of huge pages is the machine's: a VMM that does not get its own ends.
    private static async Task<double?> TryRateAsync(ServeBench bench, ServeProcess by, IReadOnlyList<string> mode)
    {
        await using MeasuredGuest guest = bench.Guest(by.Socket, Bytes, -1, mode);
        try
        {
            return ServeBench.Number(await guest.BeginAsync(), "rate");
        }
        catch (InvalidOperationException) when (mode[0] == "spread-huge")
        {
            return null;
        }
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
