using UffdActors.Dispatch.Stepping;
using UffdActors.Explore.Choices;

namespace UffdActors.Explore.Policies;

/// <summary>Always the actor that has been runnable longest.</summary>
internal sealed class FifoOrder : SchedulePolicy
{
    public override string Name => "fifo";

    public override void Begin(PolicyRandom random, int expectedSteps)
    {
    }

    public override int Choose(IReadOnlyList<SteppedTask> ready, int step) => 0;
}
