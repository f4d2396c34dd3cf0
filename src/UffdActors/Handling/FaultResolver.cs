using UffdActors.Abi;
using UffdActors.Dispatch;
using UffdActors.Model.Operations;

namespace UffdActors.Handling;

/// <summary>What a handler does next with a page.</summary>
internal enum Resolution
{
    /// <summary>Ask the page source.</summary>
    Fetch,

    /// <summary>Fill the page with zeros (<see cref="ServedRegion.ZeroFill"/>).</summary>
    FillZero,

    /// <summary>The same by UFFDIO_COPY, which takes a marker for what it is.</summary>
    CopyZeros,

    /// <summary>Map what the cache has: UFFDIO_CONTINUE.</summary>
    Continue,

    /// <summary>Clear write protection.</summary>
    ClearProtection,

    /// <summary>Nothing to fill: wake the page's threads.</summary>
    Wake,

    /// <summary>Try again later.</summary>
    Defer,

    /// <summary>Go on behind what a partial fill has done.</summary>
    GoOn,

    /// <summary>The whole address space is gone: report that once, and try nothing any more.</summary>
    OwnerGone,

    /// <summary>No retry can mend it: report, and leave the threads where they are.</summary>
    Refuse,
}

/// <summary>How faults are resolved: pure decisions that every world shares (RING P).</summary>
internal static class FaultResolver
{
    /// <summary>Attempts after which a fill that waits for an event to be read is reported; about a second of back-off.</summary>
    public const int PatientAttempts = 16;

    private const double FirstDelayMicroseconds = 20;
    private const double LongestDelayMicroseconds = 100_000;
    private const double LongestProbeMicroseconds = 1_000_000;

    /// <summary>The first step for a fresh request.</summary>
    /// <param name="flags">Why the thread faulted.</param>
    /// <param name="by">How the region is resolved.</param>
    /// <param name="removed">The page was removed: it holds zeros, whatever the source has.</param>
    /// <param name="streak">
    /// Fills of this page that met EEXIST, or EFAULT, although the thread faulted again: the page is not what it seems.
    /// </param>
    /// <param name="hasWaited">It has been deferred already.</param>
    public static Resolution First(FaultFlags flags, ResolveBy by, bool removed, int streak, bool hasWaited = false)
    {
        if ((flags & FaultFlags.Wp) != 0) return Resolution.ClearProtection;
        // A minor fault says that the cache has the page; of one that was removed, what it has is right as it is.
        if ((flags & FaultFlags.Minor) != 0 && (removed || by == ResolveBy.ContinueAsIs)) return Resolution.Continue;
        // A page that is neither to be had nor missing: ZEROPAGE does not take a marker where COPY does; an empty pool of huge pages
        // answers EEXIST to everything until a page is freed; and an address at which the source has no memory is EFAULT however often.
        if (streak > 1 && !hasWaited) return Resolution.Defer;
        return removed ? Resolution.FillZero : Resolution.Fetch;
    }

    /// <summary>What follows a fill that did not succeed in full.</summary>
    /// <param name="kind">The fill.</param>
    /// <param name="error">Its errno.</param>
    /// <param name="result">Its signed out field.</param>
    public static Resolution After(FillKind kind, Errno error, long? result) => error switch
    {
        // Of ZEROPAGE it says no more than that the entry is not empty, and a marker is no page: COPY tells the two apart.
        Errno.EEXIST when kind == FillKind.ZeroPage => Resolution.CopyZeros,
        // Somebody was faster, or the page is there by other means. A failing call wakes nobody, so we do.
        Errno.EEXIST => Resolution.Wake,
        // Both are EAGAIN: a positive count is progress, a negative errno means that an event has to be read first.
        Errno.EAGAIN => result > 0 ? Resolution.GoOn : Resolution.Defer,
        // The range is gone or not registered any more: the threads find out for themselves.
        Errno.ENOENT => Resolution.Wake,
        // Not of the range: of the address space as a whole.
        Errno.ESRCH => Resolution.OwnerGone,
        // COPY beyond the end of the file: the threads get SIGBUS; from an address that cannot be read: they fault again, which is counted.
        // CONTINUE into a hole: the page was punched; fetch it again.
        Errno.EFAULT => kind == FillKind.Continue ? Resolution.Fetch : Resolution.Wake,
        Errno.ENOMEM => Resolution.Defer,
        _ => Resolution.Refuse,
    };

    /// <summary>
    /// Delay before an attempt: doubles from 20 µs up to 0.1 s, less a part of up to a half that differs from page to page and attempt to
    /// attempt, so that those who failed together do not come back together.
    /// </summary>
    /// <param name="attempt">Attempts made so far.</param>
    /// <param name="salt">Names who waits. The same salt and attempt give the same delay, so that a run can be repeated.</param>
    public static TimeSpan Delay(int attempt, long salt) => Delay(FirstDelayMicroseconds, LongestDelayMicroseconds, attempt, salt);

    /// <summary>Delay before somebody who has paused is tried again: doubles from 0.1 s up to 1 s, less such a part.</summary>
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
