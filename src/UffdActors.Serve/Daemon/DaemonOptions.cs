namespace UffdActors.Serve;

/// <summary>Control socket, state folder and limits of a daemon.</summary>
public sealed record DaemonOptions
{
    /// <summary>Path of the control socket; its folder is made, or has to be closed to other users.</summary>
    public required string Control { get; init; }

    /// <summary>Path of the state folder, best under <c>/run</c>; made, or has to be closed to other users.</summary>
    public required string State { get; init; }

    /// <summary>Sessions that are made at the start, unless a predecessor had them.</summary>
    public IReadOnlyList<SessionSpec> Sessions { get; init; } = [];

    /// <summary>Sessions at a time, from 1 on.</summary>
    public int MaxSessions { get; init; } = 256;

    /// <summary>Guests of all sessions at a time, from 1 on.</summary>
    public int MaxGuests { get; init; } = 1024;

    /// <summary>
    /// Bytes of content that stay in memory for the guests of all sessions (<see cref="ContentCache"/>), from
    /// <see cref="ContentCache.MinBytes"/> on; null for none.
    /// </summary>
    public long? CacheBytes { get; init; }

    /// <summary>
    /// True if what the service manager keeps stays also when this service is stopped (FileDescriptorStorePreserve=yes): then a guest whose
    /// VMM has no descriptor of its own is left at the end, and not killed.
    /// </summary>
    public bool StoreIsPreserved { get; init; }

    /// <summary>
    /// True if the service manager is to hear from the daemon that it is ready, and that it stops; false if another part of the process
    /// says that. What it keeps, and that the daemon is well, it hears from the daemon in either case.
    /// </summary>
    public bool TellsReady { get; init; } = true;

    /// <summary>
    /// Where <c>/healthz</c> and <c>/metrics</c> (the text format of Prometheus) are answered: <c>unix:PATH</c>, or a loopback address and
    /// a port, as in <c>127.0.0.1:9440</c>; null for nowhere.
    /// </summary>
    public string? Http { get; init; }

    /// <summary>How hand-overs are received.</summary>
    public HandOverOptions HandOver { get; init; } = new();

    /// <summary>Told of what happens, with the name of the session, by one thread at a time for each session.</summary>
    public Action<string, ServeEvent>? Observer { get; init; }

    /// <summary>Told of what is about no guest, a sentence each.</summary>
    public Action<string>? Log { get; init; }
}
