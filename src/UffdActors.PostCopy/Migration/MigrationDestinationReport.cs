namespace UffdActors.PostCopy;

/// <summary>Result of a migration at the destination.</summary>
public sealed record MigrationDestinationReport
{
    /// <summary>True if the guest ran here.</summary>
    public required bool HasGuest { get; init; }

    /// <summary>True if every page has arrived.</summary>
    public required bool IsDelivered { get; init; }

    /// <summary>Why it ended, in a sentence; empty if it ended well.</summary>
    public required string Ending { get; init; }

    /// <summary>Where the guest ran; null if memory for it was never made.</summary>
    public required VmPlace? Place { get; init; }

    /// <summary>Bytes of a page of its memory.</summary>
    public required int PageBytes { get; init; }

    /// <summary>Pages of its memory, of that size.</summary>
    public required long Pages { get; init; }

    /// <summary>Base pages received before the hand-over; one that came twice counts twice.</summary>
    public required long CopiedPages { get; init; }

    /// <summary>
    /// When the guest was started here, as the time since the machine's start (CLOCK_MONOTONIC). Zero if it never was.
    /// </summary>
    public required TimeSpan RanAt { get; init; }

    /// <summary>From the arrival of the guest's state to its first access.</summary>
    public required TimeSpan LoadTime { get; init; }

    /// <summary>From then on to the last page.</summary>
    public required TimeSpan PageTime { get; init; }

    /// <summary>From then on to the guest's end.</summary>
    public required TimeSpan GuestTime { get; init; }

    /// <summary>Bytes of content that came over all lanes.</summary>
    public required long Bytes { get; init; }

    /// <summary>Base pages requested because a thread waited (QEMU: postcopy-requests), without those copied before.</summary>
    public required long Demands { get; init; }

    /// <summary>
    /// From request to answer, of all <see cref="Demands"/> together: the wait of a demand but for reading the fault and filling the page.
    /// A link that was lost meanwhile is in it.
    /// </summary>
    public required TimeSpan DemandTime { get; init; }

    /// <summary>
    /// Answers received on the thread that reads the faults, so that no other thread was woken for them. Live, without TLS: all small ones,
    /// those for pages of 4 KiB.
    /// </summary>
    public required long PolledAnswers { get; init; }

    /// <summary>Faults, by cause; null if the guest never ran.</summary>
    public required FaultCounts? Faults { get; init; }

    /// <summary>Pages that the background brought with content.</summary>
    public required long PushedPages { get; init; }

    /// <summary>Pages that the background brought as zeros.</summary>
    public required long PushedZeroPages { get; init; }

    /// <summary>Latency of the faults of its vCPUs; null if they are not the library's.</summary>
    public required LatencySummary? Latency { get; init; }

    /// <summary>Links that were lost.</summary>
    public required int LostLinks { get; init; }

    /// <summary>SHA-256 of the guest's memory at its end, in hexadecimal; null if it was not asked for.</summary>
    public required string? Hash { get; init; }

    /// <summary>The hash that the source has computed; null if it has sent none.</summary>
    public required string? ExpectedHash { get; init; }

    /// <summary>Base pages that were absent when the memory was read at the end.</summary>
    public required long MissingPages { get; init; }

    /// <summary>Pages that the guest faulted on, in order; null if they were not recorded.</summary>
    public required WorkingSet? WorkingSet { get; init; }

    /// <summary>True if source and destination agree on every byte.</summary>
    public bool IsVerified => Hash is not null && Hash == ExpectedHash && MissingPages == 0;
}
