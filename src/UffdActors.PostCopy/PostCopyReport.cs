using UffdActors.Statistics;

namespace UffdActors.PostCopy;

/// <summary>What a migration came to. All times are mechanism times of a model without latency: no estimate of a real migration.</summary>
public sealed record PostCopyReport
{
    /// <summary>True if every check below holds.</summary>
    public bool Verified => MissingPages == 0 && SourceHash == DestinationHash && GuestError is null;

    /// <summary>Pages of the guest.</summary>
    public required long Pages { get; init; }

    /// <summary>Pages that were not there at the end.</summary>
    public required long MissingPages { get; init; }

    /// <summary>SHA-256 of the source with the guest's own writes applied, in hex.</summary>
    public required string SourceHash { get; init; }

    /// <summary>SHA-256 of the destination, in hex.</summary>
    public required string DestinationHash { get; init; }

    /// <summary>What went wrong on a vCPU: a signal, or a read that found other bytes than the source has. Null if nothing did.</summary>
    public required string? GuestError { get; init; }

    /// <summary>From the first vCPU's first access until every page was there and every vCPU done.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Until every page was there.</summary>
    public required TimeSpan PushDuration { get; init; }

    /// <summary>Accesses of the guest.</summary>
    public required long Accesses { get; init; }

    /// <summary>Missing faults.</summary>
    public required long MissingFaults { get; init; }

    /// <summary>Minor faults.</summary>
    public required long MinorFaults { get; init; }

    /// <summary>Write-protection faults.</summary>
    public required long WriteProtectFaults { get; init; }

    /// <summary>Faults on a page that was on its way already.</summary>
    public required long MergedFaults { get; init; }

    /// <summary>Requests that ended without a fill of theirs, since the push was faster.</summary>
    public required long DismissedRequests { get; init; }

    /// <summary>Pages filled with content on demand.</summary>
    public required long DemandPages { get; init; }

    /// <summary>Pages mapped as zeros on demand.</summary>
    public required long DemandZeroPages { get; init; }

    /// <summary>Pages filled with content by the push.</summary>
    public required long PushedPages { get; init; }

    /// <summary>Pages mapped as zeros by the push.</summary>
    public required long PushedZeroPages { get; init; }

    /// <summary>Latency of faults.</summary>
    public required LatencySummary Latency { get; init; }

    /// <summary>What each vCPU did.</summary>
    public required IReadOnlyList<VcpuReport> Vcpus { get; init; }

    /// <summary>Time during which every vCPU that had work left was blocked.</summary>
    public required TimeSpan AllBlocked { get; init; }

    /// <summary>Garbage collections and the time that they stopped the process for, during the migration.</summary>
    public required (int Collections, TimeSpan Paused) GarbageCollection { get; init; }

    /// <summary>Faults of all kinds.</summary>
    public long Faults => MissingFaults + MinorFaults + WriteProtectFaults;

    /// <summary>Faults a second.</summary>
    public double FaultsPerSecond => Duration > TimeSpan.Zero ? Faults / Duration.TotalSeconds : 0;
}
