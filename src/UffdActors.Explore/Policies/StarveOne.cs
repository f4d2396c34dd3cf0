using UffdActors.Dispatch.Stepping;
using UffdActors.Explore.Choices;

namespace UffdActors.Explore.Policies;

/// <summary>One actor runs only when no other can; the others at random. Which one, and for how long, is drawn for each run.</summary>
internal sealed class StarveOne : SchedulePolicy
{
    private const int MostActors = 16;

    private PolicyRandom _random = new();
    private int _starved;
    private int _until;

    public override string Name => "starve";

    public override int TimeoutsOneIn => 16;

    public override void Begin(PolicyRandom random, int expectedSteps)
    {
        _random = random;
        _starved = random.Below(MostActors);
        _until = random.Below(Math.Max(1, expectedSteps * 2));
    }

    public override int Choose(IReadOnlyList<SteppedTask> ready, int step)
    {
        int index = _random.Below(ready.Count);
        if (step < _until && ready[index].Label == _starved) index = (index + 1) % ready.Count;
        return index;
    }
}
