using UffdActors.Bench;

namespace UffdActors.Cli.Reports;

/// <summary>Two documents of one bench side by side.</summary>
/// <param name="Notes">What was not the same in the two runs, a sentence each.</param>
/// <param name="Figures">Every figure that both have: its name, the first run, the second.</param>
internal sealed record DocumentComparison(IReadOnlyList<string> Notes, IReadOnlyList<(string Name, Spread A, Spread B)> Figures)
{
    /// <summary>Compares.</summary>
    /// <exception cref="BenchException">They are of two benches, of two versions, or have no figure in common.</exception>
    public static DocumentComparison Of(BenchDocument a, BenchDocument b)
    {
        if (a.Kind != b.Kind) throw new BenchException($"A is {a.Kind} and B is {b.Kind}; compare two runs of one bench.");
        if (a.Version != b.Version)
            throw new BenchException($"A has version {a.Version} and B {b.Version} of {a.Kind}. Measure again with one program.");
        List<string> notes =
        [
            .. a.Settings.Where(s => b.Settings.TryGetValue(s.Key, out string? other) && other != s.Value)
                .Select(s => $"Not the same {s.Key}: A \"{s.Value}\", B \"{b.Settings[s.Key]}\"."),
            .. a.Figures.Keys.Except(b.Figures.Keys).Select(name => $"Only A has {name}."),
            .. b.Figures.Keys.Except(a.Figures.Keys).Select(name => $"Only B has {name}."),
        ];
        List<(string, Spread, Spread)> figures =
            [.. a.Figures.Where(f => b.Figures.ContainsKey(f.Key)).Select(f => (f.Key, f.Value, b.Figures[f.Key]))];
        if (figures.Count == 0) throw new BenchException("The two runs have no figure in common; there is nothing to compare.");
        return new DocumentComparison(notes, figures);
    }
}
