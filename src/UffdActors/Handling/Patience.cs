namespace UffdActors.Handling;

/// <summary>How long failures are waited out, and what becomes of waiters then.</summary>
/// <param name="Limit">How long; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</param>
/// <param name="Resumes">True if they are probed, and go on by themselves.</param>
internal readonly record struct Patience(TimeSpan Limit, bool Resumes)
{
    /// <summary>True if no waiter ever pauses.</summary>
    public bool IsEndless => Limit == Timeout.InfiniteTimeSpan;

    /// <summary>The limit in nanoseconds.</summary>
    public long Nanoseconds =>
        IsEndless || Limit.Ticks > long.MaxValue / TimeSpan.NanosecondsPerTick ? long.MaxValue : Limit.Ticks * TimeSpan.NanosecondsPerTick;
}
