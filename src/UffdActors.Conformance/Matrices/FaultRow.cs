using System.Globalization;
using UffdActors.Abi;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;

namespace UffdActors.Conformance.Matrices;

/// <summary>
/// A row of <c>matrix_faults.csv</c> (SEMANTICS 4): a page in a state under registered modes and features, one access, and its result; if
/// the thread slept, the effect of UNREGISTER, or of WAKE after it.
/// </summary>
internal sealed record FaultRow(string File, int Line, IReadOnlyDictionary<string, string> Values) : MatrixRow(File, Line, Values)
{
    /// <summary>The columns of the file.</summary>
    public static IReadOnlyList<string> Columns { get; } =
        ["backend", "state", "features", "mode", "access", "prep", "outcome", "pm_before", "pm_after", "after_unregister"];

    private const long WrittenByte = 78;

    /// <inheritdoc />
    public override IReadOnlyList<string> Outcomes => ["prep", "outcome", "pm_before", "pm_after", "after_unregister"];

    private UffdFeatures Features => this["features"] switch
    {
        "none" => UffdFeatures.None,
        "WP_UNPOP" => UffdFeatures.WpUnpopulated,
        "WP_ASYNC" => UffdFeatures.WpAsync,
        "SIGBUS+UNPOP" => UffdFeatures.Sigbus | UffdFeatures.WpUnpopulated,
        _ => UffdFeatures.WpAsync | UffdFeatures.Sigbus,
    };

    private protected override IReadOnlyDictionary<string, IReadOnlyList<string>> Inputs { get; } =
        new Dictionary<string, IReadOnlyList<string>>
        {
            ["features"] = ["none", "WP_UNPOP", "WP_ASYNC", "SIGBUS+UNPOP", "ASYNC+SIGBUS"],
            ["access"] = ["read", "write"],
        };

    /// <inheritdoc />
    public override IReadOnlyDictionary<string, string> Execute(ModelExecutor model, TraceHeader header)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(header);
        RowRun run = new(model, header);
        Prepare(run, Features);
        ulong area = Area(header);
        Dictionary<string, string> columns =
            new() { ["prep"] = run.Preparation, ["pm_before"] = run.PagemapOf(area), ["after_unregister"] = "-" };
        Observation access = run.Do(RowRun.Access(Accessor, area, this["access"], this["access"] == "write" ? WrittenByte : 0));
        if (access.Result != "blocked")
        {
            columns["outcome"] = RowRun.OutcomeOf(access);
            columns["pm_after"] = run.PagemapOf(area);
            return columns;
        }

        Observation read = run.Do(new ProgramStep(ProgramOp.Read) { Value = UffdMsg.SizeInBytes });
        columns["outcome"] = read.Messages is [string message] ? "MSG:" + FlagsOf(message) : $"blocked without a message ({read.Error})";
        columns["pm_after"] = run.PagemapOf(area);
        Observation unregister = run.Do(new ProgramStep(ProgramOp.Unregister) { Address = area, Length = PageBytes });
        if (unregister.Finished is [FinishedThread woken])
        {
            columns["after_unregister"] = "unreg-woke:" + RowRun.OutcomeOf(woken.Result);
            return columns;
        }

        Observation wake = run.Do(new ProgramStep(ProgramOp.Wake) { Address = area, Length = PageBytes });
        columns["after_unregister"] = wake.Finished is [FinishedThread late] ? "needed-WAKE:" + RowRun.OutcomeOf(late.Result) : "stuck";
        return columns;
    }

    private static string FlagsOf(string message)
    {
        using System.Text.Json.JsonDocument json = System.Text.Json.JsonDocument.Parse(message);
        ulong flags = ulong.Parse(json.RootElement.GetProperty("flags").GetRawText(), CultureInfo.InvariantCulture);
        string text = ((flags & 1) != 0 ? "WRITE" : "") + ((flags & 2) != 0 ? "+WP" : "") + ((flags & 4) != 0 ? "+MINOR" : "");
        return text.Length == 0 ? "0" : text;
    }
}
