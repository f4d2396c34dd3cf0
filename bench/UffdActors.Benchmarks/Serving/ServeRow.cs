namespace UffdActors.Benchmarks.Serving;

/// <summary>A row: a scene, and the figures that come of it.</summary>
internal abstract class ServeRow
{
    /// <summary>Its name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>Measures it.</summary>
    public abstract IAsyncEnumerable<ServeFigure> MeasureAsync(ServeBench bench);

    /// <summary>The middle of some numbers.</summary>
    protected static double Median(IEnumerable<double> numbers)
    {
        double[] sorted = [.. numbers.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
