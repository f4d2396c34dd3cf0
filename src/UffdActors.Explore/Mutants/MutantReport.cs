using UffdActors.Explore.Campaigns;

namespace UffdActors.Explore.Mutants;

/// <summary>What hunting a mutant came to.</summary>
/// <param name="Mutant">The mutant.</param>
/// <param name="Schedules">Schedules made until it showed, or in vain.</param>
/// <param name="Finding">The run that shows it, shrunk; null if none was found, which is a hole in the oracles.</param>
internal sealed record MutantReport(Mutant Mutant, long Schedules, Finding? Finding);
