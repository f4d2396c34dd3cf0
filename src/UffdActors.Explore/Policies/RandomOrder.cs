using UffdActors.Dispatch.Stepping;
using UffdActors.Explore.Choices;

namespace UffdActors.Explore.Policies;

/// <summary>Any runnable actor with equal chance.</summary>
internal sealed class RandomOrder : SchedulePolicy
{
    private PolicyRandom _random = new();

    public override string Name => "random";

    public override int TimeoutsOneIn => 16;

    public override void Begin(PolicyRandom random, int expectedSteps) => _random = random;

    public override int Choose(IReadOnlyList<SteppedTask> ready, int step) => _random.Below(ready.Count);
}
