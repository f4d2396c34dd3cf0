using System.Diagnostics;

namespace UffdActors.Calls;

/// <summary>One deadline for several waits.</summary>
internal sealed class Deadline(TimeSpan timeout)
{
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>What is left of it. What is over its time still gets a moment, so that stopping the actors is tried at all.</summary>
    public TimeSpan Left
    {
        get
        {
            if (timeout == Timeout.InfiniteTimeSpan) return timeout;
            TimeSpan left = timeout - Stopwatch.GetElapsedTime(_start);
            return left > Moment ? left : Moment;
        }
    }

    private static TimeSpan Moment { get; } = TimeSpan.FromMilliseconds(100);
}
