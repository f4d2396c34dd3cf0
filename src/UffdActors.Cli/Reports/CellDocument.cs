using UffdActors.Conformance.Cells;

namespace UffdActors.Cli.Reports;

/// <summary>Cells for machines: the answer of <c>uffd ask</c>, and the comparison of <c>uffd diff</c>.</summary>
internal static class CellDocument
{
    public static string Of(AskAnswer asked) => JsonText.Of("uffd-ask", new
    {
        Profile = asked.Profile.Name,
        Memory = asked.Cell.Memory.Name,
        State = asked.Cell.State.Name,
        Features = Cell.NameOf(asked.Cell.Features),
        Modes = Cell.LettersOf(asked.Cell.Modes),
        Operation = asked.Cell.Operation.Name,
        Answer = Of(asked.Answer),
        asked.Rule.Section,
        Rule = asked.Rule.Sentence,
        Recorded = asked.Recorded is { } row ? new { row.File, row.Line, row.Step, Row = row.Text, Same = asked.IsAsRecorded } : null,
    });

    public static string Of(ProfileComparison comparison) => JsonText.Of("uffd-diff", new
    {
        Left = comparison.Left.Name,
        Right = comparison.Right.Name,
        comparison.Cells,
        Differences = comparison.Differing.GroupBy(d => d.Reason).Select(group => new
        {
            Reason = group.Key?.Name,
            group.Key?.Source,
            Count = group.Count(),
            Cells = group.Select(Of),
        }),
    });

    private static object Of(DifferingCell differing) => new
    {
        Memory = differing.Cell.Memory.Name,
        State = differing.Cell.State.Name,
        Features = Cell.NameOf(differing.Cell.Features),
        Modes = Cell.LettersOf(differing.Cell.Modes),
        Operation = differing.Cell.Operation.Name,
        Left = Of(differing.Left),
        Right = Of(differing.Right),
    };

    // A state that cannot be reached has no answer, but the step of its preparation that failed.
    private static object Of(CellAnswer answer) => answer.IsReachable
        ? new
        {
            Reachable = true,
            answer.Result,
            answer.Out,
            answer.EntryBefore,
            answer.EntryAfter,
            answer.CacheBefore,
            answer.CacheAfter,
            answer.Reader,
            answer.Writer,
        }
        : new { Reachable = false, Failed = answer.Preparation };
}
