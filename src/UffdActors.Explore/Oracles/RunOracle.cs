using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Turns;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// Runs the oracles over a run, after every step and at the end (SEMANTICS 9.3; RING R, P, F). Where a step breaks several rules, the run's
/// violation is that of the oracle that comes first in the list.
/// </summary>
internal sealed class RunOracle
{
    private readonly RunRecord _record;
    private readonly RunScene _scene;
    private readonly Oracle[] _oracles;

    public RunOracle(RunRecord record)
    {
        _record = record;
        _scene = record.Scene;
        _oracles =
        [
            new HookOracle(record), new FillOracle(record), new SharingOracle(record), new ProtectionOracle(record),
            new RequestOracle(record), new SleepOracle(record), new AccessOracle(record), new HistoryOracle(record),
            new WholePageOracle(record), new ReceivedOracle(record), new AccountOracle(record), new PushOracle(record),
            new ViewOracle(record), new DirtySetOracle(record), new RemovalOracle(record), new IncidentOracle(record),
            new ProcessEndOracle(record),
        ];
    }

    /// <summary>Grows with every step that has changed a page, and with every action that has ended.</summary>
    public long Changes { get; private set; }

    /// <summary>The run's first step is next.</summary>
    public void Begin()
    {
        _record.Incidents.Begin();
        for (int i = 0; i < _record.Entries.Length; i++)
        {
            Entry entry = _scene.EntryOf(i);
            _record.Entries[i] = entry;
            _record.First[i] = entry.IsPresent ? _scene.ContentOf(entry, 0) : _record.Host.Origins.FirstContentOf(i);
        }

        foreach (Oracle oracle in _oracles) oracle.Begin();
    }

    /// <summary>A step is next.</summary>
    public void BeforeStep()
    {
        foreach (Oracle oracle in _oracles) oracle.BeforeStep();
    }

    /// <summary>State of the message's page before the latest step; null if the message is about no page.</summary>
    public EntryKind? StateBefore(object? message)
    {
        ulong? address = message switch
        {
            PageRequest request => request.Address,
            Fill fill => fill.Start,
            Access access => access.Address,
            _ => null,
        };
        if (address is null) return null;
        (int region, int page) = RegionLayout.PlaceOf(address.Value);
        Scenario scenario = _record.Scenario;
        return region >= 0 && region < scenario.Regions.Length && page < scenario.Regions[region].Pages
            ? _record.Entries[_record.Host.Content.IndexOf(region, page)].Kind
            : null;
    }

    /// <summary>A step has been made.</summary>
    /// <returns>The changes in words, if requested.</returns>
    public string AfterStep(int step, ref TraceHash hash, bool describe)
    {
        string changes = "";
        bool hasChanged = false;
        for (int i = 0; i < _record.Entries.Length; i++)
        {
            Entry now = _scene.EntryOf(i);
            Entry before = _record.Entries[i];
            if (now == before) continue;
            hasChanged = true;
            _record.Entries[i] = now;
            hash.Add(((ulong)i << 8) | ((ulong)now.Kind << 2) | (now.IsWp ? 1u : 0) | (now.IsShared ? 2u : 0));
            if (describe)
                changes += $"{(changes.Length > 0 ? ", " : "")}{_scene.NameOf(i)} {before.Kind} -> {now.Kind}{(now.IsWp ? " wp" : "")}";
            foreach (Oracle oracle in _oracles) oracle.OnPage(i, before, now, step);
        }

        if (hasChanged) Changes++;
        foreach (Oracle oracle in _oracles) oracle.AfterStep(step, hasChanged);
        return changes;
    }

    /// <summary>Nothing is runnable.</summary>
    public void AtQuiet(int step)
    {
        foreach (Oracle oracle in _oracles) oracle.AtQuiet(step);
    }

    /// <summary>A thread begins an action.</summary>
    public void Began(int thread, ThreadAction action)
    {
        foreach (Oracle oracle in _oracles) oracle.Began(thread, action);
    }

    /// <summary>A thread's action has ended.</summary>
    public void Finished(int thread, ThreadAction action, Operation operation, int start, int end)
    {
        Changes++;
        foreach (Oracle oracle in _oracles) oracle.Finished(thread, action, operation, start, end);
    }

    /// <summary>The process ends in the middle of a thread's action.</summary>
    public void Left(int thread, ThreadAction action, int start, int end)
    {
        foreach (Oracle oracle in _oracles) oracle.Left(thread, action, start, end);
    }

    /// <summary>The run is over and nothing is runnable.</summary>
    public void AtRest(int step, IReadOnlyList<AddressSpace> children)
    {
        foreach (Oracle oracle in _oracles) oracle.AtRest(step, children);
    }

    /// <summary>All memory has been freed.</summary>
    public void AfterEnd(int step)
    {
        foreach (Oracle oracle in _oracles) oracle.AfterEnd(step);
    }
}
