namespace UffdActors.Handling;

/// <summary>How long failures are waited out, and what becomes of waiters then.</summary>
/// <param name="Limit">How long; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</param>
/// <param name="Resumes">True if they are probed, and go on by themselves.</param>
internal readonly record struct Patience(TimeSpan Limit, bool Resumes)
{
    // Clocks here count nanoseconds, in which a time has to fit.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(36_500);

    /// <summary>True if no waiter ever pauses; so is a limit of more than a hundred years.</summary>
    public bool IsEndless => Limit == Timeout.InfiniteTimeSpan || Limit > Longest;

    /// <summary>The limit in nanoseconds.</summary>
    public long Nanoseconds => IsEndless ? long.MaxValue : Limit.Ticks * TimeSpan.NanosecondsPerTick;
}
