namespace UffdActors.Conformance.Shrinking;

/// <summary>
/// Makes a failing list smaller while it still fails: removes chunks, large ones first, then simplifies the remaining items one by one,
/// until nothing more can be done. One shrinker for choice streams (generated programs, schedules) and for steps (recorded and live ones).
/// </summary>
internal static class Shrinker
{
    /// <summary>Shrinks a stream of choices: whole records go first, then single numbers become smaller.</summary>
    /// <param name="choices">A stream that fails.</param>
    /// <param name="fails">True if the program of a stream fails.</param>
    /// <param name="recordLength">Numbers that belong together; chunks that are taken out are multiples of it.</param>
    /// <param name="attempts">Candidates at the most that are tried.</param>
    public static IReadOnlyList<int> ShrinkChoices(
        IReadOnlyList<int> choices, Func<IReadOnlyList<int>, bool> fails, int recordLength = Generation.Choices.RecordLength,
        int attempts = 20_000) =>
        Shrink(choices, Simpler, fails, recordLength, attempts);

    /// <summary>Shrinks a list of steps, or of anything whose pieces stand alone.</summary>
    /// <param name="items">A list that fails.</param>
    /// <param name="fails">True if a list fails.</param>
    /// <param name="attempts">Candidates at the most that are tried.</param>
    public static IReadOnlyList<T> ShrinkList<T>(IReadOnlyList<T> items, Func<IReadOnlyList<T>, bool> fails, int attempts = 20_000) =>
        Shrink(items, _ => [], fails, 1, attempts);

    /// <summary>Shrinks a list.</summary>
    /// <param name="items">A list that fails.</param>
    /// <param name="simpler">Simpler values for an item, the simplest first.</param>
    /// <param name="fails">True if a list fails.</param>
    /// <param name="unit">Chunks that are taken out are multiples of it, and begin at one.</param>
    /// <param name="attempts">Candidates at the most that are tried.</param>
    public static IReadOnlyList<T> Shrink<T>(
        IReadOnlyList<T> items, Func<T, IEnumerable<T>> simpler, Func<IReadOnlyList<T>, bool> fails, int unit, int attempts)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(simpler);
        ArgumentNullException.ThrowIfNull(fails);
        ArgumentOutOfRangeException.ThrowIfLessThan(unit, 1);
        Search<T> search = new([.. items], simpler, fails, unit, attempts);
        while (search.TakeOut() | search.Simplify())
        {
        }

        return search.Best;
    }

    private static IEnumerable<int> Simpler(int value)
    {
        if (value == 0) yield break;
        yield return 0;
        for (int half = value / 2; half > 0; half /= 2) yield return value - half;
    }

    private sealed class Search<T>(
        List<T> best, Func<T, IEnumerable<T>> simpler, Func<IReadOnlyList<T>, bool> fails, int unit, int attempts)
    {
        public List<T> Best { get; private set; } = best;

        public bool TakeOut()
        {
            bool any = false;
            int units = (Best.Count + unit - 1) / unit;
            for (int chunk = Math.Max(1, units / 2); chunk >= 1; chunk /= 2)
            {
                // From the end: later items depend on earlier ones, not the other way round.
                for (int last = (Best.Count + unit - 1) / unit; last > 0; last -= chunk)
                {
                    int start = Math.Max(0, last - chunk) * unit;
                    any |= Try([.. Best.Take(start), .. Best.Skip(last * unit)]);
                }
            }

            return any;
        }

        public bool Simplify()
        {
            bool any = false;
            for (int i = 0; i < Best.Count; i++)
            {
                foreach (T candidate in simpler(Best[i]).ToArray())
                {
                    List<T> list = [.. Best];
                    list[i] = candidate;
                    if (!Try(list)) continue;
                    any = true;
                    break;
                }
            }

            return any;
        }

        private bool Try(List<T> candidate)
        {
            if (attempts-- <= 0 || !fails(candidate)) return false;
            Best = candidate;
            return true;
        }
    }
}
