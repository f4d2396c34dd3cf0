namespace UffdActors.PostCopy;

/// <summary>Progress of a migration.</summary>
/// <param name="Phase">Its phase.</param>
/// <param name="Elapsed">Since the first access.</param>
/// <param name="ReceivedPages">Base pages that are there.</param>
/// <param name="Pages">Base pages of the guest.</param>
/// <param name="Accesses">Accesses that the guest has finished.</param>
/// <param name="Faults">Faults so far.</param>
/// <param name="Outstanding">Pages being resolved.</param>
public sealed record PostCopySnapshot(
    PostCopyPhase Phase, TimeSpan Elapsed, long ReceivedPages, long Pages, long Accesses, long Faults, int Outstanding);
