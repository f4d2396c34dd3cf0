namespace UffdActors.Serve;

/// <summary>What a server of guests serves, and how.</summary>
public sealed record GuestServerOptions
{
    /// <summary>The most sessions at a time that can be asked for.</summary>
    public const int MostSessions = 4096;

    /// <summary>What each guest is served from, and what becomes of it when that cannot go on. Its observer is not used.</summary>
    public required SessionOptions Session { get; init; }

    /// <summary>How hand-overs are received.</summary>
    public HandOverOptions HandOver { get; init; } = new();

    /// <summary>Sessions at a time, 1 to <see cref="MostSessions"/>; who comes when there are as many is refused.</summary>
    public int MaxSessions { get; init; } = 256;

    /// <summary>Sessions after whose end the server ends; null for no such number.</summary>
    public int? Sessions { get; init; }

    /// <summary>Reads the overlay of each guest, when it is handed over; null for that of <see cref="Session"/>.</summary>
    internal Func<IReadOnlyList<OverlayPages>>? ReadOverlay { get; init; }

    /// <summary>Keeps guests for a successor, who goes on with them; null to leave them by their policy at the end.</summary>
    internal Keeping.GuestKeeper? Keeper { get; init; }

    /// <summary>Tells when VMMs end, for several servers; null for one of its own.</summary>
    internal Linux.Peers.ProcessWatch? Watch { get; init; }

    /// <summary>Says why one more guest is not taken, a sentence; null if it is. Null if nobody else has a say.</summary>
    internal Func<string?>? Admit { get; init; }

    /// <summary>Told of what happens, by one thread at a time, never by one that serves faults.</summary>
    public Action<ServeEvent>? Observer { get; init; }
}
