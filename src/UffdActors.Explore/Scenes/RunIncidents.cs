using UffdActors.Failures;

namespace UffdActors.Explore.Scenes;

/// <summary>The incidents of a run, in order.</summary>
internal sealed class RunIncidents(IncidentLog log)
{
    private readonly List<Incident> _all = [];

    /// <summary>Those that have been reported by now.</summary>
    public IReadOnlyList<Incident> All
    {
        get
        {
            while (log.Reader.TryRead(out Incident? incident)) _all.Add(incident);
            return _all;
        }
    }

    /// <summary>How many of a kind.</summary>
    public int Count(IncidentKind kind) => All.Count(i => i.Kind == kind);

    /// <summary>A run begins: what was reported before it is dropped.</summary>
    public void Begin()
    {
        _ = All;
        _all.Clear();
    }
}
