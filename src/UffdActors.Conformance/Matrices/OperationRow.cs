using System.Globalization;
using UffdActors.Abi;
using UffdActors.Conformance.Programs;
using UffdActors.Conformance.Replay;
using UffdActors.Model.Memory;

namespace UffdActors.Conformance.Matrices;

/// <summary>
/// A row of <c>matrix_ops.csv</c> (SEMANTICS 5): a page in a state under registered modes, one ioctl on it, and what it returned, wrote to
/// its out field, did to the entry, and what a reader finds after the context is closed.
/// </summary>
internal sealed record OperationRow(string File, int Line, IReadOnlyDictionary<string, string> Values) : MatrixRow(File, Line, Values)
{
    /// <summary>The columns of the file.</summary>
    public static IReadOnlyList<string> Columns { get; } =
        ["backend", "state", "mode", "op", "prep", "ret", "outfield", "pm_before", "pm_after", "read_after"];

    private const int SourceArea = 2;
    private const int SourceFile = 1;
    private const long CopiedByte = 83;
    private const long MovedByte = 77;

    /// <inheritdoc />
    public override IReadOnlyList<string> Outcomes => ["prep", "ret", "outfield", "pm_before", "pm_after", "read_after"];

    private protected override IReadOnlyDictionary<string, IReadOnlyList<string>> Inputs { get; } =
        new Dictionary<string, IReadOnlyList<string>>
        {
            ["op"] = ["COPY", "COPY|WP", "ZEROPAGE", "CONTINUE", "CONTINUE|WP", "POISON", "WP-set", "WP-clear", "MOVE"],
        };

    private UffdFeatures Features =>
        this["state"].EndsWith("(UNPOP)", StringComparison.Ordinal) ? UffdFeatures.WpUnpopulated : UffdFeatures.None;

    /// <inheritdoc />
    public override IReadOnlyDictionary<string, string> Execute(ModelExecutor model, TraceHeader header)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(header);
        RowRun run = new(model, header);
        ulong area = Area(header);
        ulong source = Area(header, SourceArea);
        ProgramStep step = Operation(area, source);
        Prepare(run, Features);
        if (step.Op is ProgramOp.Copy or ProgramOp.Move) PrepareSource(run, source, step.Op);
        Dictionary<string, string> columns = new() { ["prep"] = run.Preparation, ["pm_before"] = run.PagemapOf(area) };
        Observation done = run.Do(step);
        columns["ret"] = done.Error ?? (done.Return ?? 0).ToString(CultureInfo.InvariantCulture);
        columns["outfield"] = OutOf(done.Out);
        columns["pm_after"] = run.PagemapOf(area);
        _ = run.Do(new ProgramStep(ProgramOp.Close));
        columns["read_after"] = RowRun.OutcomeOf(run.Do(RowRun.Access(Toucher, area, "read", 0)));
        return columns;
    }

    private ProgramStep Operation(ulong area, ulong source)
    {
        ProgramStep step = new(ProgramOp.Poll) { Address = area, Length = PageBytes };
        return this["op"] switch
        {
            "COPY" => step with { Op = ProgramOp.Copy, Thread = Accessor, Other = source },
            "COPY|WP" => step with { Op = ProgramOp.Copy, Thread = Accessor, Other = source, Word = (ulong)FillModes.WriteProtect },
            "ZEROPAGE" => step with { Op = ProgramOp.Zeropage },
            "CONTINUE" => step with { Op = ProgramOp.Continue },
            "CONTINUE|WP" => step with { Op = ProgramOp.Continue, Word = (ulong)FillModes.WriteProtect },
            "POISON" => step with { Op = ProgramOp.Poison },
            "WP-set" => step with { Op = ProgramOp.Writeprotect, Word = (ulong)WriteProtectModes.Protect },
            "WP-clear" => step with { Op = ProgramOp.Writeprotect, Word = (ulong)WriteProtectModes.Clear },
            _ => step with { Op = ProgramOp.Move, Other = source },
        };
    }

    // Huge pages are copied from a huge page, so that one touch makes the source; MOVE takes anonymous pages only.
    private void PrepareSource(RowRun run, ulong source, ProgramOp op)
    {
        bool huge = IsHuge && op == ProgramOp.Copy;
        if (huge) run.Prepare(new ProgramStep(ProgramOp.File) { Number = SourceFile, Kind = "htlb", Length = PageSize.Huge });
        run.Prepare(new ProgramStep(ProgramOp.Mmap)
        {
            Address = source,
            Length = PageBytes,
            Word = 3,
            Kind = huge ? "htlbp" : "anon",
            Number = SourceFile,
        });
        run.Touch(source, "write", op == ProgramOp.Copy ? CopiedByte : MovedByte);
    }

    private static string OutOf(string? value) =>
        long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) && number < 0
            ? "-" + (Errno)(-number)
            : value ?? "untouched";
}
