namespace UffdActors.Bench;

/// <summary>One figure of two runs.</summary>
/// <param name="Dispatcher">Dispatcher.</param>
/// <param name="Vcpus">vCPUs.</param>
/// <param name="Name">What it is, with its unit.</param>
/// <param name="A">The first run.</param>
/// <param name="B">The second run.</param>
internal sealed record ComparedFigure(string Dispatcher, int Vcpus, string Name, Spread A, Spread B)
{
    /// <summary>Median of B over that of A.</summary>
    public double Ratio => B.Median / A.Median;

    /// <summary>The ranges overlap, so the difference may be chance.</summary>
    public bool RangesOverlap => A.Overlaps(B);
}
