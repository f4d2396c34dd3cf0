using System.Collections.Immutable;
using UffdActors.Explore.Choices;

namespace UffdActors.Explore.Faults;

/// <summary>
/// Which faults happen in a run. Each point that the scenario allows is in the run with a chance of one half; then it fires once in a few
/// visits, until the run's number of faults is reached: from there on nothing fails any more.
/// </summary>
internal sealed class FaultPlan(ChoiceStream choices)
{
    private const int MostFaults = 3;
    private const int OneVisitIn = 3;

    private readonly bool[] _active = new bool[FaultPoints.All.Count];
    private readonly int[] _fired = new int[FaultPoints.All.Count];
    private int _left;

    /// <summary>How often each point had each outcome, over all runs.</summary>
    public long[,] Outcomes { get; } = new long[FaultPoints.All.Count, 2];

    /// <summary>Faults that have happened in the run.</summary>
    public int Happened { get; private set; }

    /// <summary>How often a point has fired in the run.</summary>
    public int HappenedAt(FaultPoint point) => _fired[(int)point];

    /// <summary>Nothing fails until a run begins.</summary>
    public void Disarm() => _left = 0;

    /// <summary>A run begins.</summary>
    public void Begin(ImmutableArray<FaultPoint> allowed)
    {
        Array.Clear(_active);
        Array.Clear(_fired);
        Happened = 0;
        _left = allowed.IsEmpty ? 0 : MostFaults;
        foreach (FaultPoint point in allowed) _active[(int)point] = choices.OneIn(2);
    }

    /// <summary>The run passes a point.</summary>
    /// <returns>True if the fault is to happen.</returns>
    public bool Hits(FaultPoint point)
    {
        if (_left == 0 || !_active[(int)point]) return false;
        bool happens = choices.OneIn(OneVisitIn);
        Outcomes[(int)point, happens ? 1 : 0]++;
        if (!happens) return false;
        _left--;
        _fired[(int)point]++;
        Happened++;
        return true;
    }
}
