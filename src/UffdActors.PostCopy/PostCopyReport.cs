namespace UffdActors.PostCopy;

/// <summary>Result of a migration. In the model all times are those of the mechanism, without latency: no estimate of a real migration.
/// Live they are those of real page faults, with a source in the same process: without a network.</summary>
public sealed record PostCopyReport
{
    /// <summary>True if every check below holds.</summary>
    public bool Verified => MissingPages == 0 && SourceHash == DestinationHash && GuestError is null;

    /// <summary>What the destination ran on.</summary>
    public required VmPlace Place { get; init; }

    /// <summary>Bytes of a page of the destination's memory: all pages below are of this size.</summary>
    public required int PageBytes { get; init; }

    /// <summary>Pages of the guest.</summary>
    public required long Pages { get; init; }

    /// <summary>Pages that were not there at the end.</summary>
    public required long MissingPages { get; init; }

    /// <summary>SHA-256 of the source with the guest's own writes applied, in hex.</summary>
    public required string SourceHash { get; init; }

    /// <summary>SHA-256 of the destination, in hex.</summary>
    public required string DestinationHash { get; init; }

    /// <summary>Lanes that the guest has written at least once, and that the hash of the source holds as the guest left them.</summary>
    public required long WrittenLanes { get; init; }

    /// <summary>What went wrong on a vCPU: a signal, or a read that found other bytes than the source has. Null if nothing did.</summary>
    public required string? GuestError { get; init; }

    /// <summary>True if all times are those of the stepped dispatcher, which moves only when nothing can run.</summary>
    public required bool IsVirtualTime { get; init; }

    /// <summary>From the first vCPU's first access until every page was there and every vCPU done.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Until every page was there.</summary>
    public required TimeSpan PushDuration { get; init; }

    /// <summary>Accesses of the guest.</summary>
    public required long Accesses { get; init; }

    /// <summary>Missing faults that a read caused.</summary>
    public required long MissingReads { get; init; }

    /// <summary>Missing faults that a write caused.</summary>
    public required long MissingWrites { get; init; }

    /// <summary>Minor faults that a read caused.</summary>
    public required long MinorReads { get; init; }

    /// <summary>Minor faults that a write caused.</summary>
    public required long MinorWrites { get; init; }

    /// <summary>Write-protection faults.</summary>
    public required long WriteProtectFaults { get; init; }

    /// <summary>Faults on a page that was on its way already.</summary>
    public required long MergedFaults { get; init; }

    /// <summary>Faults that a waiting thread raised again because of a signal; not counted among the faults.</summary>
    public long RepeatedFaults { get; init; }

    /// <summary>Requests that ended without a fill of their own, since the push had filled the page first.</summary>
    public required long DismissedRequests { get; init; }

    /// <summary>Pages filled with content on demand.</summary>
    public required long DemandPages { get; init; }

    /// <summary>Pages filled with zeros on demand.</summary>
    public required long DemandZeroPages { get; init; }

    /// <summary>Pages filled with content by the push.</summary>
    public required long PushedPages { get; init; }

    /// <summary>Pages filled with zeros by the push.</summary>
    public required long PushedZeroPages { get; init; }

    /// <summary>Latency of faults.</summary>
    public required LatencySummary Latency { get; init; }

    /// <summary>What each vCPU did.</summary>
    public required IReadOnlyList<VcpuReport> Vcpus { get; init; }

    /// <summary>Time during which every vCPU that had work left was blocked.</summary>
    public required TimeSpan AllBlocked { get; init; }

    /// <summary>Pages that the guest faulted on, in order; null if they were not recorded.</summary>
    public WorkingSet? WorkingSet { get; init; }

    /// <summary>Garbage collections during the migration; null on virtual time, which they do not stop.</summary>
    public required GarbageCollectionReport? GarbageCollection { get; init; }

    /// <summary>Faults of all kinds.</summary>
    public long Faults => MissingReads + MissingWrites + MinorReads + MinorWrites + WriteProtectFaults;

    /// <summary>Pages requested on demand from the source: a page is requested once, however many vCPUs wait for it.</summary>
    public long Requests => Faults - MergedFaults;

    /// <summary>Faults a second.</summary>
    public double FaultsPerSecond => Duration > TimeSpan.Zero ? Faults / Duration.TotalSeconds : 0;
}
