using System.Globalization;
using UffdActors.Dispatch.Stepping;
using UffdActors.Explore.Choices;

namespace UffdActors.Explore.Policies;

/// <summary>Proposes which runnable actor runs next. The proposals are recorded, so a run can be repeated without the policy.</summary>
internal abstract class SchedulePolicy
{
    /// <summary>Names for options and reports.</summary>
    public const string Names = "fifo, random, pct:1..5, delay:1..9, starve";

    /// <summary>Name, as options and reports use it.</summary>
    public abstract string Name { get; }

    /// <summary>A new run begins.</summary>
    /// <param name="random">Its random numbers.</param>
    /// <param name="expectedSteps">About how many steps the run will have: the length of the one before.</param>
    public abstract void Begin(PolicyRandom random, int expectedSteps);

    /// <summary>Index of the proposal.</summary>
    /// <param name="ready">The runnable mailboxes, oldest first; more than one.</param>
    /// <param name="step">Number of the step.</param>
    public abstract int Choose(IReadOnlyList<SteppedTask> ready, int step);

    /// <summary>True if time may pass although something is runnable, once in this many steps; 0 for never.</summary>
    public virtual int TimeoutsOneIn => 0;

    /// <summary>The policies of a name; <c>all</c> is a mix of them, run in turn.</summary>
    /// <returns>Null if there is no such policy.</returns>
    public static SchedulePolicy[]? Find(string name)
    {
        string[] parts = name.Split(':');
        bool hasNumber = parts.Length == 2 && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out _);
        int number = hasNumber ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 3;
        if (parts.Length > 2 || (parts.Length == 2 && !hasNumber)) return null;
        return parts[0] switch
        {
            "fifo" when !hasNumber => [new FifoOrder()],
            "random" when !hasNumber => [new RandomOrder()],
            "starve" when !hasNumber => [new StarveOne()],
            "pct" when number is >= 1 and <= 5 => [new Pct(number)],
            "delay" when number is >= 1 and <= 9 => [new DelayBounded(number)],
            "all" when !hasNumber => [new RandomOrder(), new Pct(3), new RandomOrder(), new DelayBounded(2), new StarveOne(), new Pct(2)],
            _ => null,
        };
    }
}
