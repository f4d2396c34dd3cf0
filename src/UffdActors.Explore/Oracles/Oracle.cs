using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;

namespace UffdActors.Explore.Oracles;

/// <summary>
/// Rules about one subject that hold in every run. <see cref="RunOracle"/> calls it during the run; each oracle overrides the calls at
/// which it records or checks something, and reports by <see cref="Fail"/>.
/// </summary>
internal abstract class Oracle(RunRecord record)
{
    /// <summary>What the oracles of the run share.</summary>
    protected RunRecord Record => record;

    /// <summary>What the runs of the scenario have in common.</summary>
    protected RunHost Host => record.Host;

    /// <summary>The owners of the run.</summary>
    protected RunScene Scene => record.Scene;

    /// <summary>Which pages share a history, and what each holds first.</summary>
    protected PageOrigins Origins => record.Host.Origins;

    /// <summary>What happens in the run.</summary>
    protected Scenario Scenario => record.Host.Scenario;

    /// <summary>The run's first step is next.</summary>
    public virtual void Begin()
    {
    }

    /// <summary>A step is next.</summary>
    public virtual void BeforeStep()
    {
    }

    /// <summary>The step has changed the entry of a page.</summary>
    public virtual void OnPage(int index, Entry before, Entry now, int step)
    {
    }

    /// <summary>The step has been made, and <see cref="OnPage"/> was called for every page that it changed.</summary>
    /// <param name="step">Number of the step.</param>
    /// <param name="hasChanged">It has changed a page.</param>
    public virtual void AfterStep(int step, bool hasChanged)
    {
    }

    /// <summary>Nothing is runnable.</summary>
    public virtual void AtQuiet(int step)
    {
    }

    /// <summary>A thread begins an action.</summary>
    public virtual void Began(int thread, ThreadAction action)
    {
    }

    /// <summary>A thread's action has ended.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="action">The action.</param>
    /// <param name="operation">The call or access that it was.</param>
    /// <param name="start">Step after which it began.</param>
    /// <param name="end">Step in which it ended.</param>
    public virtual void Finished(int thread, ThreadAction action, Operation operation, int start, int end)
    {
    }

    /// <summary>The process ends in the middle of a thread's action.</summary>
    public virtual void Left(int thread, ThreadAction action, int start, int end)
    {
    }

    /// <summary>The run is over and nothing is runnable.</summary>
    /// <param name="step">The latest step.</param>
    /// <param name="children">Children of the process.</param>
    public virtual void AtRest(int step, IReadOnlyList<AddressSpace> children)
    {
    }

    /// <summary>All memory has been freed.</summary>
    public virtual void AfterEnd(int step)
    {
    }

    /// <summary>Reports that a rule is broken; the first report of a run counts.</summary>
    protected void Fail(string invariant, string sentence, int step) => record.Fail(invariant, sentence, step);
}
