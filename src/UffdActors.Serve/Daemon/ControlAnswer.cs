namespace UffdActors.Serve;

/// <summary>What a daemon answers.</summary>
public sealed record ControlAnswer
{
    /// <summary>Version of the protocol.</summary>
    public int Version { get; init; } = Daemon.ControlFormat.Version;

    /// <summary>True if it was done.</summary>
    public required bool Ok { get; init; }

    /// <summary>Why it was not done, a sentence; null if it was.</summary>
    public string? Error { get; init; }

    /// <summary>To <c>status</c>.</summary>
    public DaemonStatus? Status { get; init; }

    /// <summary>To <c>list</c>, <c>stats</c> and <c>create</c>.</summary>
    public IReadOnlyList<SessionStatus>? Sessions { get; init; }

    /// <summary>To <c>drain</c>: guests that have all their pages now and are not served any more.</summary>
    public int? Released { get; init; }

    /// <summary>To <c>close</c>: VMMs that were killed.</summary>
    public int? Killed { get; init; }
}
