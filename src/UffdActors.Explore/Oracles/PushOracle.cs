using UffdActors.Actors;
using UffdActors.Model.Mapping;

namespace UffdActors.Explore.Oracles;

/// <summary>At the end: every background push has completed its task.</summary>
internal sealed class PushOracle(RunRecord record) : Oracle(record)
{
    /// <inheritdoc />
    public override void AtRest(int step, IReadOnlyList<AddressSpace> children)
    {
        foreach ((PushOptions options, _) in Scene.Service.Pushes)
        {
            Task finished = options.Progress.Finished.Task;
            if (!finished.IsCompleted)
                Fail("push-ends",
                    $"the push of {Scenario.Regions[options.Region].Name} has nothing left to do, and its task is not completed",
                    step);
            else _ = finished.Exception;
        }
    }
}
