using System.Text.Json;
using UffdActors.Model;

namespace UffdActors.Conformance.Cells;

/// <summary>An answered question: what the model does, why, and where a real kernel was recorded to do it.</summary>
/// <param name="Profile">Kernel.</param>
/// <param name="Cell">Question.</param>
/// <param name="Answer">What the model does.</param>
/// <param name="Rule">Why.</param>
/// <param name="Recorded">A recorded row or step that shows what Linux 6.18 does; null if none does.</param>
internal sealed record AskAnswer(KernelProfile Profile, Cell Cell, CellAnswer Answer, CellRule Rule, RecordedCell? Recorded)
{
    private const int Version = 1;
    private static readonly JsonWriterOptions Indented = new() { Indented = true };

    /// <summary>
    /// True if what was recorded is what this kernel does: another profile than the recorded one may differ, and then it says so.
    /// </summary>
    public bool IsAsRecorded => Recorded?.Shows(Answer) == true;

    /// <summary>Asks.</summary>
    /// <param name="profile">Kernel.</param>
    /// <param name="cell">Question.</param>
    /// <param name="rows">Recorded rows, looked at first: they were made for single questions.</param>
    /// <param name="steps">Recorded steps.</param>
    /// <exception cref="Runs.ConformanceDataException">The recordings cannot be read.</exception>
    /// <exception cref="Programs.TraceFormatException">A trace is not what the format says.</exception>
    public static AskAnswer Of(KernelProfile profile, Cell cell, RecordedCells rows, RecordedSteps steps)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(steps);
        CellAnswer answer = CellRun.Of(profile, cell);
        return new AskAnswer(profile, cell, answer, CellRule.Of(cell, answer), rows.Find(cell) ?? steps.Find(cell));
    }

    /// <summary>The answer for machines.</summary>
    public string ToJson()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, Indented))
        {
            json.WriteStartObject();
            json.WriteNumber("version", Version);
            json.WriteString("kind", "uffd-ask");
            json.WriteString("profile", Profile.Name);
            json.WriteString("memory", Cell.Memory.Name);
            json.WriteString("state", Cell.State.Name);
            json.WriteString("features", Cell.NameOf(Cell.Features));
            json.WriteString("modes", Cell.LettersOf(Cell.Modes));
            json.WriteString("operation", Cell.Operation.Name);
            json.WritePropertyName("answer");
            CellAnswerJson.Write(json, Answer);
            json.WriteString("section", Rule.Section);
            json.WriteString("rule", Rule.Sentence);
            if (Recorded is { } row)
            {
                json.WriteStartObject("recorded");
                json.WriteString("file", row.File);
                json.WriteNumber("line", row.Line);
                if (row.Step is { } step) json.WriteNumber("step", step);
                else json.WriteNull("step");
                json.WriteString("row", row.Text);
                json.WriteBoolean("same", IsAsRecorded);
                json.WriteEndObject();
            }
            else
            {
                json.WriteNull("recorded");
            }

            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }
}
