namespace UffdActors;

/// <summary>
/// Counts of a userfaultfd since it has been served; recent ones, for they are kept by the thread that serves. Pages are of their regions'
/// own sizes.
/// </summary>
public sealed record FaultCounts
{
    /// <summary>Missing faults.</summary>
    public required long Missing { get; init; }

    /// <summary>Missing faults that a write caused.</summary>
    public required long MissingWrites { get; init; }

    /// <summary>Minor faults.</summary>
    public required long Minor { get; init; }

    /// <summary>Minor faults that a write caused.</summary>
    public required long MinorWrites { get; init; }

    /// <summary>Write-protection faults.</summary>
    public required long WriteProtect { get; init; }

    /// <summary>Faults on a page that was being resolved already.</summary>
    public required long Merged { get; init; }

    /// <summary>Times that a thread raised a fault again that it waited in, because of a signal; among no other count.</summary>
    public required long Repeated { get; init; }

    /// <summary>Requests that ended without a fill of their own: a push was faster, or the range was gone.</summary>
    public required long Dismissed { get; init; }

    /// <summary>Requests handed out again after a handler had crashed.</summary>
    public required long Redelivered { get; init; }

    /// <summary>Faults at addresses in no region.</summary>
    public required long Strays { get; init; }

    /// <summary>Events (REMAP, REMOVE, UNMAP, FORK).</summary>
    public required long Events { get; init; }

    /// <summary>Pages filled with content on demand.</summary>
    public required long DemandPages { get; init; }

    /// <summary>Pages filled with zeros on demand.</summary>
    public required long DemandZeroPages { get; init; }

    /// <summary>Pages poisoned on demand.</summary>
    public required long PoisonedPages { get; init; }

    /// <summary>Faults of all kinds.</summary>
    public long Faults => Missing + Minor + WriteProtect;
}
