namespace UffdActors.Conformance.Shrinking;

/// <summary>
/// Makes a failing stream of choices smaller while it still fails: removes chunks, large ones first, then simplifies the remaining numbers
/// one by one, until nothing more can be done. One shrinker for generated programs and for schedules.
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
        int attempts = 20_000)
    {
        ArgumentNullException.ThrowIfNull(choices);
        ArgumentNullException.ThrowIfNull(fails);
        ArgumentOutOfRangeException.ThrowIfLessThan(recordLength, 1);
        Search search = new([.. choices], fails, recordLength, attempts);
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

    private sealed class Search(List<int> best, Func<IReadOnlyList<int>, bool> fails, int unit, int attempts)
    {
        public List<int> Best { get; private set; } = best;

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
                foreach (int candidate in Simpler(Best[i]).ToArray())
                {
                    List<int> list = [.. Best];
                    list[i] = candidate;
                    if (!Try(list)) continue;
                    any = true;
                    break;
                }
            }

            return any;
        }

        private bool Try(List<int> candidate)
        {
            if (attempts-- <= 0 || !fails(candidate)) return false;
            Best = candidate;
            return true;
        }
    }
}
