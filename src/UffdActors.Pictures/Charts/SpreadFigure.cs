namespace UffdActors.Pictures.Charts;

/// <summary>A figure of one run or of two, each with its range.</summary>
/// <param name="Name">Its name with the unit.</param>
/// <param name="Runs">Median, lowest and highest of each run.</param>
internal sealed record SpreadFigure(string Name, IReadOnlyList<(double Median, double Min, double Max)> Runs)
{
    /// <summary>Median of the second run over that of the first; null if there is none.</summary>
    public double? Ratio => Runs.Count == 2 && Runs[0].Median != 0 ? Runs[1].Median / Runs[0].Median : null;

    /// <summary>True if it is not one number in every repeat of every run.</summary>
    public bool Varies => Runs.Any(r => r.Min != r.Max || r.Median != Runs[0].Median);

    /// <summary>True if the ranges overlap, so that the difference may be chance.</summary>
    public bool RangesOverlap => Runs.Count == 2 && Runs[0].Min <= Runs[1].Max && Runs[1].Min <= Runs[0].Max;
}
