namespace UffdActors.Serve;

/// <summary>How a session has ended.</summary>
public enum SessionEnd
{
    /// <summary>The VMM has ended, or executes another program.</summary>
    VmmEnded,

    /// <summary>The VMM was killed, because the session could not go on.</summary>
    VmmKilled,

    /// <summary>
    /// It was left (<see cref="GuestSession.DisposeAsync"/>) while its guest could run: the guest sleeps at its next absent page.
    /// </summary>
    LeftFrozen,

    /// <summary>It has all its pages, and runs on without this process (<see cref="GuestSession.ReleaseAsync"/>).</summary>
    Released,
}
