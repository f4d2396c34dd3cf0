using UffdActors.Kvm.Runs;

namespace UffdActors.Kvm.Snapshots;

/// <summary>Many guests from one snapshot, at their ends.</summary>
/// <param name="Clones">Each one's end, and what differs from the result in the state.</param>
/// <param name="SharedBytes">The page cache that all of them share: of the file in memory, counted once (<c>st_blocks</c>).</param>
/// <param name="PrivateBytes">Pages of its own that each has, in memory or in swap (<c>smaps</c>), by number.</param>
/// <param name="Filled">Until the page cache had all of the snapshot's content.</param>
/// <param name="Duration">From the first start until the last guest has ended.</param>
internal sealed record CloneReport(
    IReadOnlyList<CloneReport.Guest> Clones, long SharedBytes, IReadOnlyList<long> PrivateBytes, TimeSpan Filled, TimeSpan Duration)
{
    /// <summary>Memory of one guest: the page cache, and the most that a clone has of its own.</summary>
    public long OneBytes => SharedBytes + PrivateBytes.Max();

    /// <summary>Memory of all.</summary>
    public long AllBytes => SharedBytes + PrivateBytes.Sum();

    /// <summary>One of them.</summary>
    public sealed record Guest(IReadOnlyList<string> Differences, GuestResult Result);
}
