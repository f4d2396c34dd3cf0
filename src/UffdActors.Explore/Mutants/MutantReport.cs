using UffdActors.Explore.Campaigns;

namespace UffdActors.Explore.Mutants;

/// <summary>Result of exploring a mutant.</summary>
/// <param name="Mutant">The mutant.</param>
/// <param name="Schedules">Schedules made until it was found, or all of them.</param>
/// <param name="Finding">The run that shows it, shrunk; null if none was found, which is a gap in the oracles.</param>
internal sealed record MutantReport(Mutant Mutant, long Schedules, Finding? Finding);
