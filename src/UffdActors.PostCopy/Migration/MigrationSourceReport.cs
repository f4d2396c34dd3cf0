namespace UffdActors.PostCopy;

/// <summary>Result of a migration at the source.</summary>
public sealed record MigrationSourceReport
{
    /// <summary>True if the guest has stayed here, and runs.</summary>
    public required bool KeepsGuest { get; init; }

    /// <summary>True if every page has arrived.</summary>
    public required bool IsDelivered { get; init; }

    /// <summary>How often the guest was handed over.</summary>
    public required long HandOvers { get; init; }

    /// <summary>From the request to stop the guest to the message that it runs at the destination.</summary>
    public required TimeSpan Downtime { get; init; }

    /// <summary>
    /// When the guest was last asked to stop, as the time since the machine's start (CLOCK_MONOTONIC): beside
    /// <see cref="MigrationDestinationReport.RanAt"/> of the same machine, the downtime without the way of a message. Zero if it never was.
    /// </summary>
    public required TimeSpan StoppedAt { get; init; }

    /// <summary>From the first link to the end.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Rounds of pre-copy.</summary>
    public required int Rounds { get; init; }

    /// <summary>Bytes that were sent before the hand-over.</summary>
    public required long PreCopyBytes { get; init; }

    /// <summary>Bytes that were sent on all lanes.</summary>
    public required long Bytes { get; init; }

    /// <summary>Pages sent with content after the hand-over.</summary>
    public required long Pages { get; init; }

    /// <summary>Pages sent as zeros after the hand-over.</summary>
    public required long ZeroPages { get; init; }

    /// <summary>Links that were lost.</summary>
    public required int LostLinks { get; init; }

    /// <summary>Hash of the guest's memory at its end, computed here; null if it was not compared.</summary>
    public required string? ExpectedHash { get; init; }

    /// <summary>The hash at the destination; null if it was not compared.</summary>
    public required string? ActualHash { get; init; }

    /// <summary>Why it ended, in a sentence.</summary>
    public required string Ending { get; init; }
}
