using System.Text.Json;
using UffdActors.Model;

namespace UffdActors.Conformance.Cells;

/// <summary>A cell in which two kernels differ.</summary>
/// <param name="Cell">The question.</param>
/// <param name="Left">The first kernel's answer.</param>
/// <param name="Right">The second's.</param>
/// <param name="Reason">The listed difference that it belongs to; null if none is known.</param>
internal sealed record DifferingCell(Cell Cell, CellAnswer Left, CellAnswer Right, ListedDifference? Reason);

/// <summary>Two kernels, held against each other in every cell.</summary>
/// <param name="Left">The first.</param>
/// <param name="Right">The second.</param>
/// <param name="Cells">Cells that were executed in both.</param>
/// <param name="Differing">Those in which they differ.</param>
/// <param name="Unfounded">Cells that a listed difference claims although both answers are the same: a mistake in the list.</param>
internal sealed record ProfileComparison(
    KernelProfile Left, KernelProfile Right, int Cells, IReadOnlyList<DifferingCell> Differing, IReadOnlyList<Cell> Unfounded)
{
    private const int Version = 1;
    private static readonly JsonWriterOptions Indented = new() { Indented = true };

    /// <summary>Holds two kernels against each other.</summary>
    public static ProfileComparison Of(CellTable left, CellTable right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        List<DifferingCell> differing = [];
        List<Cell> unfounded = [];
        for (int i = 0; i < left.Cells.Count; i++)
        {
            Cell cell = left.Cells[i];
            (CellAnswer a, CellAnswer b) = (left.Answers[i], right.Answers[i]);
            ListedDifference? reason = ListedDifference.Find(cell, left.Profile.Shape, a, right.Profile.Shape, b);
            // A state that neither can reach is no difference, even if they stumble at other steps.
            bool same = a == b || (!a.IsReachable && !b.IsReachable);
            if (!same) differing.Add(new DifferingCell(cell, a, b, reason));
            else if (reason is not null) unfounded.Add(cell);
        }

        return new ProfileComparison(left.Profile, right.Profile, left.Cells.Count, differing, unfounded);
    }

    /// <summary>The comparison for machines.</summary>
    public string ToJson()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, Indented))
        {
            json.WriteStartObject();
            json.WriteNumber("version", Version);
            json.WriteString("kind", "uffd-diff");
            json.WriteString("left", Left.Name);
            json.WriteString("right", Right.Name);
            json.WriteNumber("cells", Cells);
            json.WriteStartArray("differences");
            foreach (IGrouping<ListedDifference?, DifferingCell> group in Differing.GroupBy(d => d.Reason))
            {
                json.WriteStartObject();
                json.WriteString("reason", group.Key?.Name);
                json.WriteString("source", group.Key?.Source);
                json.WriteNumber("count", group.Count());
                json.WriteStartArray("cells");
                foreach (DifferingCell cell in group) Write(json, cell);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }

    private static void Write(Utf8JsonWriter json, DifferingCell differing)
    {
        Cell cell = differing.Cell;
        json.WriteStartObject();
        json.WriteString("memory", cell.Memory.Name);
        json.WriteString("state", cell.State.Name);
        json.WriteString("features", Cell.NameOf(cell.Features));
        json.WriteString("modes", Cell.LettersOf(cell.Modes));
        json.WriteString("operation", cell.Operation.Name);
        json.WritePropertyName("left");
        CellAnswerJson.Write(json, differing.Left);
        json.WritePropertyName("right");
        CellAnswerJson.Write(json, differing.Right);
        json.WriteEndObject();
    }
}

/// <summary>An answer for machines.</summary>
internal static class CellAnswerJson
{
    public static void Write(Utf8JsonWriter json, CellAnswer answer)
    {
        json.WriteStartObject();
        json.WriteBoolean("reachable", answer.IsReachable);
        if (!answer.IsReachable)
        {
            json.WriteString("failed", answer.Preparation);
        }
        else
        {
            json.WriteString("result", answer.Result);
            json.WriteString("out", answer.Out);
            json.WriteString("entryBefore", answer.EntryBefore);
            json.WriteString("entryAfter", answer.EntryAfter);
            json.WriteString("cacheBefore", answer.CacheBefore);
            json.WriteString("cacheAfter", answer.CacheAfter);
            json.WriteString("reader", answer.Reader);
            json.WriteString("writer", answer.Writer);
        }

        json.WriteEndObject();
    }
}
