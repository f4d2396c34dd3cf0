namespace UffdActors.PostCopy;

/// <summary>Result of the comparison of source and destination.</summary>
/// <param name="SourceHash">SHA-256 of the source with the guest's writes applied.</param>
/// <param name="DestinationHash">SHA-256 of the destination.</param>
/// <param name="MissingPages">Base pages of the destination that are not there.</param>
/// <param name="WrittenLanes">Lanes that the guest has written.</param>
internal sealed record Comparison(string SourceHash, string DestinationHash, long MissingPages, long WrittenLanes);
