namespace UffdActors.Kvm;

/// <summary>A snapshot that was taken.</summary>
/// <param name="StoredPages">Pages of 4 KiB that its memory file stores; all others are zeros.</param>
/// <param name="Paused">How long the vCPUs were paused.</param>
/// <param name="LongestProtect">
/// The longest call that protects pages while the guest runs, as its caller sees it: no fault waits longer behind it. Zero if it is
/// paused.
/// </param>
/// <param name="Copied">From the moment of the snapshot until its files were complete.</param>
public sealed record KvmSnapshotReport(long StoredPages, TimeSpan Paused, TimeSpan LongestProtect, TimeSpan Copied);
