using System.Globalization;

namespace UffdActors.Benchmarks.Serving;

/// <summary>
/// What <c>uffd serve</c> has to reach, row by row: a daemon and its VMMs are processes of their own, and every figure is taken outside of
/// the daemon. What has a baseline takes turns with it.
/// </summary>
internal static class ServeFigures
{
    private static readonly ServeRow[] Rows =
    [
        new DemandRow(), new FirstFaultRow(), new MemoryRow(), new ClonesRow(), new QuietRow(), new RemovesRow(), new RestartRow(),
        new IdleRow(), new CrowdRow(), new CpusRow(),
    ];

    /// <summary>Measures rows and prints a line for each figure.</summary>
    /// <param name="arguments">
    /// <c>--row NAME|all</c>, <c>--rounds N</c>, <c>--uffd PATH</c>, <c>--faultloop PATH</c> (a compiled loop in C, as of
    /// <c>uffd bench faults --native</c>).
    /// </param>
    /// <returns>Exit code: 1 if a target was missed, 2 for arguments that mean nothing.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        string Value(string name, string otherwise) =>
            arguments.SkipWhile(a => a != name).Skip(1).FirstOrDefault() ?? otherwise;
        string row = Value("--row", "all");
        ServeRow[] chosen = [.. Rows.Where(r => row == "all" || r.Name == row)];
        bool isNumber = int.TryParse(Value("--rounds", "5"), NumberStyles.None, CultureInfo.InvariantCulture, out int rounds);
        if (chosen.Length == 0 || !isNumber || rounds < 1)
        {
            Console.Error.WriteLine(
                $"serve --row all|{string.Join('|', Rows.Select(r => r.Name))} --rounds N --uffd PATH --faultloop PATH");
            return 2;
        }

        string faultLoop = Value("--faultloop", "");
        using ServeBench bench = new(Value("--uffd", ServeBench.FindUffd()), faultLoop.Length == 0 ? null : faultLoop, rounds);
        bool isReached = true;
        Console.WriteLine($"{"row",-10} {"what",-62} {"measured",12} {"target",10}");
        foreach (ServeRow next in chosen)
        {
            await foreach (ServeFigure figure in next.MeasureAsync(bench))
            {
                isReached &= figure.IsReached != false;
                string verdict = figure.IsReached switch { true => "reached", false => "MISSED", null => "" };
                Console.WriteLine($"{next.Name,-10} {figure.What,-62} {figure.Measured,12} {figure.Target,10} {verdict}");
            }
        }

        return isReached ? 0 : 1;
    }
}
