using System.Globalization;
using System.Text.Json;
using UffdActors.Abi;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;

namespace UffdActors.Conformance.Cells;

/// <summary>An answer in the terms of a trace: whether a step was recorded to give it.</summary>
/// <param name="Result">Result, in the words of <see cref="CellAnswer.Result"/>.</param>
/// <param name="Out">Out field, in the words of <see cref="CellAnswer.Out"/>.</param>
/// <param name="After">State of the page afterwards.</param>
/// <param name="Child">State of a child's page afterwards; null if there is no child.</param>
internal sealed record StepAnswer(string Result, string Out, PageStanding? After, PageStanding? Child)
{
    private const string Message = "MSG:";

    /// <summary>
    /// True if a step that has been executed gives this answer for a page. Of a fault only that the thread sleeps is compared; which fault
    /// it is stands in the message that is read later.
    /// </summary>
    public bool IsShownAt(long page, TraceStep step, ModelExecutor model)
    {
        Observation o = step.Expected;
        bool isSame = o.Wait is null
            ? ResultOf(o) == WithoutValue(Result)
            : o.Wait == "fault" && Result.StartsWith(Message, StringComparison.Ordinal);
        if (!isSame || PageStanding.Of(model.MainSpace, page) != After) return false;
        return step.Step.Op == ProgramOp.Fork ? PageStanding.Of(model.Spaces[^1], page) == Child : OutOf(o.Out) == Out;
    }

    /// <summary>The flags of a recorded message, in the words of <see cref="CellAnswer.Result"/>.</summary>
    public static string FlagsOf(string message)
    {
        using JsonDocument json = JsonDocument.Parse(message);
        return json.RootElement.TryGetProperty("flags", out JsonElement flags)
            ? Message + CellScene.FlagsOf((FaultFlags)flags.GetUInt64())
            : "";
    }

    // The content of a page is not part of a question.
    private static string WithoutValue(string result) => result.StartsWith("ok:", StringComparison.Ordinal) ? "ok" : result;

    private static string ResultOf(Observation o)
    {
        if (o.Error is { } error) return error;
        if (o.Result is not { } result) return "0";
        string[] words = result.Split(':');
        return words[0] switch
        {
            "ok" => "ok",
            "sigbus" => $"SIGBUS(code={words[1]})",
            "sigsegv" => $"SIGSEGV(code={words[1]})",
            _ => words[^1],
        };
    }

    private static string OutOf(string? recorded) =>
        long.TryParse(recorded, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) && number < 0
            ? "-" + (Errno)(-number) : recorded ?? "";
}
