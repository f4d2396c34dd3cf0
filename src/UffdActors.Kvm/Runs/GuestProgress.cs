namespace UffdActors.Kvm.Runs;

/// <summary>Progress of a guest.</summary>
/// <param name="Elapsed">Since its first instruction.</param>
/// <param name="ReceivedPages">Base pages that are there.</param>
/// <param name="Pages">Base pages of its memory.</param>
/// <param name="Faults">Faults so far; 0 where all memory is present.</param>
/// <param name="Outstanding">Pages being resolved.</param>
/// <param name="RunningVcpus">vCPUs that have not ended.</param>
/// <param name="Console">What it has written on its console.</param>
/// <param name="IsServed">False for the run with all memory present.</param>
internal sealed record GuestProgress(
    TimeSpan Elapsed, long ReceivedPages, long Pages, long Faults, int Outstanding, int RunningVcpus, string Console, bool IsServed);
