using System.Globalization;
using UffdActors.Conformance.Programs;

namespace UffdActors.Conformance.Replay;

/// <summary>A field in which a step showed something else than was recorded.</summary>
/// <param name="Where">Trace, or row.</param>
/// <param name="Step">Step number.</param>
/// <param name="Field">Field, as the trace names it.</param>
/// <param name="Expected">What was recorded; "absent" if nothing was.</param>
/// <param name="Actual">What came.</param>
public sealed record Mismatch(string Where, int Step, string Field, string Expected, string Actual);

/// <summary>Compares what a step showed with what was recorded, field by field.</summary>
public sealed class Differ(string where)
{
    private const string Absent = "absent";
    private readonly List<Mismatch> _mismatches = [];
    private int _step;

    /// <summary>Fields compared so far.</summary>
    public long Fields { get; private set; }

    /// <summary>What differed.</summary>
    public IReadOnlyList<Mismatch> Mismatches => _mismatches;

    /// <summary>Compares one step.</summary>
    public void Compare(int step, Observation expected, Observation actual)
    {
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentNullException.ThrowIfNull(actual);
        _step = step;
        CompareResult("", expected, actual);
        CompareFinished(expected.Finished ?? [], actual.Finished ?? []);
        Check("q", Queues(expected), Queues(actual));
        Check("v", expected.Vmas, actual.Vmas);
        Check("cv", Children(expected), Children(actual));
        Check("files", Files(expected), Files(actual));
        CompareFinal(expected, actual);
    }

    private void CompareResult(string prefix, Observation expected, Observation actual)
    {
        Check(prefix + "ret", Text(expected.Return), Text(actual.Return));
        Check(prefix + "err", expected.Error, actual.Error);
        Check(prefix + "out", expected.Out, actual.Out);
        Check(prefix + "as", Text(expected.As), Text(actual.As));
        Check(prefix + "revents", Text(expected.Revents), Text(actual.Revents));
        Check(prefix + "res", expected.Result, actual.Result);
        Check(prefix + "wait", expected.Wait, actual.Wait);
        Check(prefix + "msgs", Join(expected.Messages), Join(actual.Messages));
    }

    private void CompareFinished(IReadOnlyList<FinishedThread> expected, IReadOnlyList<FinishedThread> actual)
    {
        if (expected.Count == 0 && actual.Count == 0) return;
        Check("fin", string.Join(',', expected.Select(f => f.Thread)), string.Join(',', actual.Select(f => f.Thread)));
        foreach (FinishedThread thread in expected)
        {
            if (actual.FirstOrDefault(f => f.Thread == thread.Thread) is { } same)
                CompareResult(string.Create(CultureInfo.InvariantCulture, $"fin[{thread.Thread}]."), thread.Result, same.Result);
        }
    }

    private void CompareFinal(Observation expected, Observation actual)
    {
        if (expected.FinalFiles is null) return;
        Check("final files", FinalFiles(expected), FinalFiles(actual));
        IReadOnlyList<(ulong Address, string Content)> want = expected.FinalPages!;
        IReadOnlyList<(ulong Address, string Content)> have = actual.FinalPages ?? [];
        Check("final page list", Addresses(want), Addresses(have));
        for (int i = 0; i < want.Count && i < have.Count; i++)
        {
            if (want[i].Address == have[i].Address)
                Check(string.Create(CultureInfo.InvariantCulture, $"final page {want[i].Address:x}"), want[i].Content, have[i].Content);
        }
    }

    private void Check(string field, string? expected, string? actual)
    {
        if (expected is null && actual is null) return;
        Fields++;
        if (!string.Equals(expected, actual, StringComparison.Ordinal))
            _mismatches.Add(new Mismatch(where, _step, field, expected ?? Absent, actual ?? Absent));
    }

    private static string? Text(long? value) => value?.ToString(CultureInfo.InvariantCulture);

    private static string? Join(IReadOnlyList<string>? messages) => messages is null ? null : string.Join(',', messages);

    private static string? Queues(Observation o) => o.FinalFiles is null ? string.Join(' ', o.Queues.Select(q => $"{q.Handle}:{q.Pending}/{q.Total}")) : null;

    private static string? Children(Observation o) => o.ChildVmas is null ? null : string.Join('|', o.ChildVmas.Select(c => $"{c.Thread}: {c.Vmas}"));

    private static string? Files(Observation o) => o.Files is null ? null : string.Join(' ', o.Files.Select(f => $"{f.Number}:{f.Bytes}:{f.Blocks}:{f.Data}"));

    private static string FinalFiles(Observation o) =>
        string.Join('|', (o.FinalFiles ?? []).Select(f => $"{f.Number}:{f.Bytes}:{string.Join(';', (f.Pages ?? []).Select(p => p ?? "hole"))}"));

    private static string Addresses(IReadOnlyList<(ulong Address, string Content)> pages) =>
        string.Join(' ', pages.Select(p => p.Address.ToString("x", CultureInfo.InvariantCulture)));
}
