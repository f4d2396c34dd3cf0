using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Model.Mapping;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// What the oracles of a run share: the run, its pages as they were after the latest step, its incidents, and the first rule that it broke.
/// </summary>
internal sealed class RunRecord(RunHost host, RunScene scene)
{
    /// <summary>What the runs of the scenario have in common.</summary>
    public RunHost Host => host;

    /// <summary>The owners of the run.</summary>
    public RunScene Scene => scene;

    /// <summary>What happens in it.</summary>
    public Scenario Scenario => host.Scenario;

    /// <summary>Entries of the pages of all regions after the latest step.</summary>
    public Entry[] Entries { get; } = new Entry[scene.PageCount];

    /// <summary>Content of each page before the run's first step; for an absent page, the content of its first fill.</summary>
    public ulong[] First { get; } = new ulong[scene.PageCount];

    /// <summary>What has been reported.</summary>
    public RunIncidents Incidents { get; } = new(host.Vm.Incidents);

    /// <summary>The first rule that the run broke; null if none.</summary>
    public Violation? Violation { get; private set; }

    /// <summary>Records the first violation.</summary>
    public void Fail(string invariant, string sentence, int step) => Violation ??= new Violation(invariant, sentence, step);
}
