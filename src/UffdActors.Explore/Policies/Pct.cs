using UffdActors.Dispatch.Stepping;
using UffdActors.Explore.Choices;

namespace UffdActors.Explore.Policies;

/// <summary>
/// Probabilistic concurrency testing (Burckhardt et al., 2010): actors have random priorities, the highest goes first, and at d - 1 random
/// steps the next one gets the lowest priority. Finds every bug of depth d with a known minimum probability.
/// </summary>
internal sealed class Pct(int depth) : SchedulePolicy
{
    private const int MostActors = 64;

    // An actor that waits for a guard sends itself a message: without this it could keep the thread that holds the guard from ever running.
    private const int MostInARow = 24;

    private readonly int[] _priorities = new int[MostActors];
    private readonly int[] _changes = new int[depth - 1];
    private PolicyRandom _random = new();
    private int _lowest;
    private int _latest;
    private int _inARow;

    public override string Name => $"pct:{depth}";

    public override int TimeoutsOneIn => 64;

    public override void Begin(PolicyRandom random, int expectedSteps)
    {
        _random = random;
        for (int i = 0; i < MostActors; i++) _priorities[i] = depth + random.Below(1 << 20);
        for (int i = 0; i < _changes.Length; i++) _changes[i] = random.Below(Math.Max(1, expectedSteps));
        _lowest = _inARow = 0;
        _latest = -1;
    }

    public override int Choose(IReadOnlyList<SteppedTask> ready, int step)
    {
        int best = Highest(ready);
        foreach (int change in _changes)
        {
            if (change != step) continue;
            _priorities[SlotOf(ready[best])] = --_lowest;
            best = Highest(ready);
        }

        _inARow = ready[best].Label == _latest ? _inARow + 1 : 0;
        _latest = ready[best].Label;
        if (_inARow < MostInARow) return best;
        _inARow = 0;
        _priorities[SlotOf(ready[best])] = --_lowest;
        return Highest(ready);
    }

    private int Highest(IReadOnlyList<SteppedTask> ready)
    {
        int best = 0;
        for (int i = 1; i < ready.Count; i++)
        {
            if (_priorities[SlotOf(ready[i])] > _priorities[SlotOf(ready[best])]) best = i;
        }

        return best;
    }

    private static int SlotOf(in SteppedTask task) => (task.Label + 1) & (MostActors - 1);
}
