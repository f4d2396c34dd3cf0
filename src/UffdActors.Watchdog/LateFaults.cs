namespace UffdActors.Watchdog;

/// <summary>
/// Decides which faults are late, from a sequence of polls of the board. Pure: the time is a parameter.
/// </summary>
/// <remarks>
/// <para>
/// A fault on the board is late when it is as old as the deadline. Unread faults are late when the kernel has had some for as long while
/// the fault loop made no pass: a frozen runtime reads none, so they are not on its board. A loop that sleeps with nothing outstanding
/// makes no pass either, and is never late.
/// </para>
/// <para>
/// An alarm is given at the second poll that sees it: after a stop of the whole machine every fault is late for a moment, and the runtime
/// must get a chance to resume. It is given once.
/// </para>
/// </remarks>
internal sealed class LateFaults
{
    // Polls for each deadline, within bounds that keep an idle watchdog cheap and notice a new userfaultfd soon.
    private const int LooksPerDeadline = 8;
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(250);

    private readonly Dictionary<int, Track> _tracks = [];

    /// <summary>How long to wait until the next poll.</summary>
    public static TimeSpan NextLook(IReadOnlyList<WatchedUserfault> userfaults)
    {
        TimeSpan wait = Longest;
        foreach (WatchedUserfault userfault in userfaults)
        {
            TimeSpan share = TimeSpan.FromTicks(userfault.Deadline / TimeSpan.NanosecondsPerTick / LooksPerDeadline);
            if (share < wait) wait = share;
        }

        return wait < Shortest ? Shortest : wait;
    }

    /// <summary>Evaluates a poll.</summary>
    /// <param name="userfaults">What is on the board.</param>
    /// <param name="now">When it was read, in nanoseconds of CLOCK_MONOTONIC.</param>
    /// <returns>Faults that are late, and were not reported before.</returns>
    public IReadOnlyList<Alarm> Look(IReadOnlyList<WatchedUserfault> userfaults, long now)
    {
        List<Alarm> alarms = [];
        foreach (WatchedUserfault userfault in userfaults)
        {
            if (!_tracks.TryGetValue(userfault.Slot, out Track? track) || track.Generation != userfault.Generation)
                _tracks[userfault.Slot] = track = new Track { Generation = userfault.Generation, Beats = userfault.Beats, BeatSeen = now };
            if (track.Look(userfault, now) is { } alarm) alarms.Add(alarm);
        }

        return alarms;
    }

    private sealed class Track
    {
        private Alarm? _suspected;
        private Alarm? _reported;
        private long? _unreadSince;
        private int _wasUnread;

        public required int Generation { get; init; }

        public required long Beats { get; set; }

        public required long BeatSeen { get; set; }

        public Alarm? Look(WatchedUserfault userfault, long now)
        {
            if (userfault.Beats != Beats)
            {
                Beats = userfault.Beats;
                BeatSeen = now;
                _unreadSince = null;
            }

            // A signal (a garbage collection sends many) interrupts a fault, and the thread faults again: absent at one poll does not mean
            // resolved.
            if (userfault.Unread > 0) _unreadSince ??= now;
            else if (_wasUnread == 0) _unreadSince = null;
            _wasUnread = userfault.Unread;
            Alarm? late = Late(userfault, now);
            bool isConfirmed = late is not null && IsSame(late, _suspected);
            _suspected = late;
            if (!isConfirmed || IsSame(late!, _reported)) return null;
            _reported = late;
            return late;
        }

        private Alarm? Late(WatchedUserfault userfault, long now)
        {
            if (userfault.Oldest is { } oldest && now - oldest.Raised >= userfault.Deadline)
                return new Alarm(userfault, oldest, now - oldest.Raised, now - BeatSeen);
            if (userfault.Unread > 0 && _unreadSince is { } since && now - since >= userfault.Deadline)
                return new Alarm(userfault, null, now - since, now - BeatSeen);
            return null;
        }

        // Unread faults have no number: they count as the same as long as the loop made no pass.
        private static bool IsSame(Alarm alarm, Alarm? other) => other is not null
            && alarm.Fault?.Id == other.Fault?.Id
            && (alarm.Fault is not null || alarm.Userfault.Beats == other.Userfault.Beats);
    }
}
