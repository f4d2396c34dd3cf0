using UffdActors.Dispatch.Stepping;
using UffdActors.Explore.Choices;

namespace UffdActors.Explore.Policies;

/// <summary>
/// Oldest first, but at a few random steps the oldest is delayed and another runs first (Emmi et al., 2011): most bugs need few delays, and
/// the run stays near the one without delays, so it shrinks well.
/// </summary>
internal sealed class DelayBounded(int delays) : SchedulePolicy
{
    private readonly int[] _at = new int[delays];
    private PolicyRandom _random = new();

    public override string Name => $"delay:{delays}";

    public override int TimeoutsOneIn => 64;

    public override void Begin(PolicyRandom random, int expectedSteps)
    {
        _random = random;
        for (int i = 0; i < _at.Length; i++) _at[i] = random.Below(Math.Max(1, expectedSteps));
    }

    public override int Choose(IReadOnlyList<SteppedTask> ready, int step)
    {
        foreach (int at in _at)
        {
            if (at == step) return 1 + _random.Below(ready.Count - 1);
        }

        return 0;
    }
}
