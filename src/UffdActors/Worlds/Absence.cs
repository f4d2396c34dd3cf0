namespace UffdActors.Worlds;

/// <summary>What a userfaultfd still owes its guest.</summary>
/// <param name="Regions">Regions whose pages come through it, for reports; empty if none do, and closing turns nothing into zeros.</param>
/// <param name="Pages">Pages of regions that are being served and are not there.</param>
/// <param name="IsUnknown">
/// It was taken over and never served here: other code has registered what it has, and what of that is absent is not known.
/// </param>
internal readonly record struct Absence(string Regions, long Pages, bool IsUnknown = false);
