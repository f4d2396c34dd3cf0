using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Runs;
using UffdActors.Recorder.Comparison;

namespace UffdActors.Cli.Reports;

/// <summary>What <c>uffd conform</c> came to, for machines: of recordings, and of programs on this kernel.</summary>
internal static class ConformDocument
{
    public static string Of(ConformanceReport report) => JsonText.Of("uffd-conform", new
    {
        Data = report.Folder,
        report.Profile,
        Files = report.Files.Count,
        report.Rows,
        report.Steps,
        report.Fields,
        Mismatches = report.Mismatches.Count(),
        report.Skipped,
        Seconds = Math.Round(report.Seconds, 3),
        Ways = report.Files.SelectMany(f => f.Ways).GroupBy(w => w.Way).Select(g => new
        {
            Way = g.Key,
            Fields = g.Sum(w => w.Fields),
            Mismatches = g.Sum(w => w.Mismatches.Count),
            ThreadSeconds = Math.Round(g.Sum(w => w.Seconds), 3),
        }),
        Speed = report.Speed.Select(s => new { s.Way, s.Passes, StepsPerSecond = Math.Round(s.StepsPerSecond) }),
        Differences = report.Files.SelectMany(f => f.Ways.SelectMany(w => w.Mismatches.Select(m => new
        {
            File = f.Name,
            w.Way,
            m.Step,
            m.Field,
            m.Expected,
            Came = m.Actual,
        }))),
    });

    public static string Of(ComparisonReport report) => JsonText.Of("uffd-conform-live", new
    {
        report.Kernel,
        report.Profile,
        report.FaultAroundBytes,
        report.HugePages,
        report.Seed,
        report.Programs,
        report.Steps,
        report.Fields,
        report.Seconds,
        Difference = report.Found is not { } found
            ? null
            : new
            {
                found.Seed,
                found.Difference.Problem.Step,
                found.Difference.Problem.Field,
                Model = found.Difference.Problem.Expected,
                Kernel = found.Difference.Problem.Actual,
                Program = found.Difference.Program.Steps.Select(s => TraceWriter.ToText(s.Step)),
            },
    });
}
