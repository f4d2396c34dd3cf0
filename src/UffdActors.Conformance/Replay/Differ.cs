using System.Globalization;
using UffdActors.Conformance.Programs;

namespace UffdActors.Conformance.Replay;

/// <summary>Compares a step's results with the recording, field by field. Text is made for differences only.</summary>
internal sealed class Differ(string where)
{
    /// <summary>What stands for a field that is not there.</summary>
    public const string Absent = "absent";

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
        CompareResult(null, expected, actual);
        CompareFinished(expected.Finished ?? [], actual.Finished ?? []);
        if (expected.FinalFiles is null) CheckList("q", expected.Queues, actual.Queues, q => $"{q.Handle}:{q.Pending}/{q.Total}");
        Check(null, "v", expected.Vmas, actual.Vmas);
        CheckList("cv", expected.ChildVmas, actual.ChildVmas, c => $"{c.Thread}: {c.Vmas}");
        CheckList("files", expected.Files, actual.Files, f => $"{f.Number}:{f.Bytes}:{f.Blocks}:{f.Data}");
        CompareFinal(expected, actual);
    }

    /// <summary>Compares one field.</summary>
    public void Compare(int step, string field, string? expected, string? actual)
    {
        _step = step;
        Check(null, field, expected, actual);
    }

    /// <summary>Reports a violation that does not depend on the recording.</summary>
    public void Report(int step, string field, string expected, string actual) =>
        _mismatches.Add(new Mismatch(where, step, field, expected, actual));

    private void CompareResult(int? thread, Observation expected, Observation actual)
    {
        Check(thread, "ret", expected.Return, actual.Return);
        Check(thread, "err", expected.Error, actual.Error);
        Check(thread, "out", expected.Out, actual.Out);
        Check(thread, "as", expected.As, actual.As);
        Check(thread, "revents", expected.Revents, actual.Revents);
        Check(thread, "res", expected.Result, actual.Result);
        Check(thread, "wait", expected.Wait, actual.Wait);
        CheckList("msgs", expected.Messages, actual.Messages, m => m, thread);
    }

    private void CompareFinished(IReadOnlyList<FinishedThread> expected, IReadOnlyList<FinishedThread> actual)
    {
        if (expected.Count == 0 && actual.Count == 0) return;
        CheckList(
            "fin", [.. expected.Select(f => f.Thread)], [.. actual.Select(f => f.Thread)], t => t.ToString(CultureInfo.InvariantCulture));
        foreach (FinishedThread thread in expected)
        {
            foreach (FinishedThread same in actual)
            {
                if (same.Thread == thread.Thread) CompareResult(thread.Thread, thread.Result, same.Result);
            }
        }
    }

    private void CompareFinal(Observation expected, Observation actual)
    {
        if (expected.FinalFiles is null) return;
        Check(null, "final files", FinalFiles(expected), FinalFiles(actual));
        IReadOnlyList<(ulong Address, string Content)> want = expected.FinalPages!;
        IReadOnlyList<(ulong Address, string Content)> have = actual.FinalPages ?? [];
        CheckList("final page list", [.. want.Select(p => p.Address)], [.. have.Select(p => p.Address)], a => $"{a:x}");
        for (int i = 0; i < want.Count && i < have.Count; i++)
        {
            if (want[i].Address != have[i].Address) continue;
            Fields++;
            if (want[i].Content != have[i].Content) Add(null, $"final page {want[i].Address:x}", want[i].Content, have[i].Content);
        }
    }

    private void Check(int? thread, string field, long? expected, long? actual)
    {
        if (expected is null && actual is null) return;
        Fields++;
        if (expected != actual) Add(thread, field, Text(expected), Text(actual));
    }

    private void Check(int? thread, string field, string? expected, string? actual)
    {
        if (expected is null && actual is null) return;
        Fields++;
        if (!string.Equals(expected, actual, StringComparison.Ordinal)) Add(thread, field, expected, actual);
    }

    private void CheckList<T>(string field, IReadOnlyList<T>? expected, IReadOnlyList<T>? actual, Func<T, string> text, int? thread = null)
    {
        if (expected is null && actual is null) return;
        Fields++;
        if (expected is not null && actual is not null && Same(expected, actual)) return;
        Add(thread, field, Join(expected, text), Join(actual, text));
    }

    private static bool Same<T>(IReadOnlyList<T> expected, IReadOnlyList<T> actual)
    {
        if (expected.Count != actual.Count) return false;
        for (int i = 0; i < expected.Count; i++)
        {
            if (!EqualityComparer<T>.Default.Equals(expected[i], actual[i])) return false;
        }

        return true;
    }

    private void Add(int? thread, string field, string? expected, string? actual)
    {
        if (thread is { } t) field = string.Create(CultureInfo.InvariantCulture, $"fin[{t}].{field}");
        _mismatches.Add(new Mismatch(where, _step, field, expected ?? Absent, actual ?? Absent));
    }

    private static string? Text(long? value) => value?.ToString(CultureInfo.InvariantCulture);

    private static string? Join<T>(IReadOnlyList<T>? items, Func<T, string> text) =>
        items is null ? null : string.Join(", ", items.Select(text));

    private static string FinalFiles(Observation o) =>
        string.Join(
            '|', (o.FinalFiles ?? []).Select(f => $"{f.Number}:{f.Bytes}:{string.Join(';', (f.Pages ?? []).Select(p => p ?? "hole"))}"));
}
