namespace UffdActors.Serve;

/// <summary>How a guest of a daemon is.</summary>
public enum GuestState
{
    /// <summary>It is being served.</summary>
    Serving,

    /// <summary>It cannot be served on now, and sleeps at its next absent page.</summary>
    Frozen,

    /// <summary>All of its pages are being filled, so that it can run on without this process.</summary>
    Draining,

    /// <summary>A predecessor has served it, and it cannot be taken back; it sleeps at its next absent page.</summary>
    Lost,
}
