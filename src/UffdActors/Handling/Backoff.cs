namespace UffdActors.Handling;

/// <summary>How long to wait before another attempt (RING P4): pure, and the same in every run with the same seed.</summary>
internal static class Backoff
{
    private const double FirstDelayMicroseconds = 20;
    private const double LongestDelayMicroseconds = 100_000;
    private const double LongestProbeMicroseconds = 1_000_000;

    /// <summary>
    /// Delay before an attempt: doubles from 20 µs up to 0.1 s, less a part of up to a half that differs from page to page and attempt to
    /// attempt, so that pages that failed together are not tried again together.
    /// </summary>
    /// <param name="attempt">Attempts made so far.</param>
    /// <param name="salt">Names the waiter. The same salt and attempt give the same delay, so that a run can be repeated.</param>
    public static TimeSpan Delay(int attempt, long salt) => Delay(FirstDelayMicroseconds, LongestDelayMicroseconds, attempt, salt);

    /// <summary>Delay before a waiter that has paused is tried again: doubles from 0.1 s up to 1 s, less such a part.</summary>
    /// <param name="round">Probes made so far.</param>
    /// <param name="salt">As of <see cref="Delay(int, long)"/>.</param>
    public static TimeSpan ProbeDelay(int round, long salt) => Delay(LongestDelayMicroseconds, LongestProbeMicroseconds, round, salt);

    private static TimeSpan Delay(double first, double longest, int attempt, long salt)
    {
        ulong state = ((ulong)salt << 8) ^ (ulong)attempt;
        double share = (SplitMix.Next(ref state) >> 11) * (1.0 / (1UL << 53));
        double full = Math.Min(longest, first * Math.Pow(2, Math.Min(attempt, 20)));
        return TimeSpan.FromMicroseconds(full * (1 - (share / 2)));
    }
}
