namespace UffdActors.Bench;

/// <summary>A figure from several repeats.</summary>
/// <param name="Median">The middle one; of an even number, the mean of the two in the middle.</param>
/// <param name="Min">The lowest.</param>
/// <param name="Max">The highest.</param>
internal sealed record Spread(double Median, double Min, double Max)
{
    /// <summary>Summarizes repeats.</summary>
    /// <param name="values">At least one value.</param>
    public static Spread Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        ArgumentOutOfRangeException.ThrowIfZero(sorted.Length, nameof(values));
        int middle = sorted.Length / 2;
        double median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[^1]);
    }

    /// <summary>False if no repeats can give these figures.</summary>
    internal bool MakesSense => double.IsFinite(Min) && double.IsFinite(Max) && Min >= 0 && Min <= Median && Median <= Max;

    /// <summary>The same figure in a unit that is so many times larger.</summary>
    public Spread Over(double unit) => new(Median / unit, Min / unit, Max / unit);

    /// <summary>True if the two ranges overlap: then a difference of the medians may be chance.</summary>
    public bool Overlaps(Spread other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Min <= other.Max && other.Min <= Max;
    }
}
