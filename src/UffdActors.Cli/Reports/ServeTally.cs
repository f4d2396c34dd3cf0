using UffdActors.Serve;

namespace UffdActors.Cli.Reports;

/// <summary>Counters of a server: sums of all sessions, and the latest sessions one by one. For one thread at a time.</summary>
internal sealed class ServeTally
{
    /// <summary>Sessions that are kept one by one.</summary>
    public const int Kept = 1000;

    private readonly Queue<ServedSession> _sessions = new();

    /// <summary>Sessions that have ended.</summary>
    public int Ended { get; private set; }

    /// <summary>Of those, how many guests were left asleep.</summary>
    public int LeftFrozen { get; private set; }

    /// <summary>Of those, how many VMMs were killed.</summary>
    public int Killed { get; private set; }

    /// <summary>Hand-overs that were refused.</summary>
    public int Refused { get; private set; }

    /// <summary>The latest sessions that have ended.</summary>
    public IReadOnlyCollection<ServedSession> Sessions => _sessions;

    /// <summary>Takes what has happened.</summary>
    public void Take(ServeEvent what)
    {
        if (what.Kind == ServeEventKind.Refused) Refused++;
        if (what is not { Kind: ServeEventKind.Ended, Number: { } number, Session: { } session, End: { } end }) return;
        Ended++;
        if (end == SessionEnd.LeftFrozen) LeftFrozen++;
        if (end == SessionEnd.VmmKilled) Killed++;
        // Only values are kept, so that an ended session can be collected.
        _sessions.Enqueue(new ServedSession(number, session.ProcessId, session.Message, end, session.Figures()));
        if (_sessions.Count > Kept) _ = _sessions.Dequeue();
    }
}
