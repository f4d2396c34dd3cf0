namespace UffdActors.Handling;

/// <summary>What kind of memory a region is, as far as it says what an event of removal means there.</summary>
/// <param name="IsShared">It has a file behind it, which keeps its content when a page only leaves the mapping.</param>
/// <param name="RaisesMissing">A touch of a page that is gone raises a fault, and the page is filled by us.</param>
/// <param name="RaisesMinor">A touch of a page that has only left the mapping raises a fault.</param>
/// <param name="IsWatched">It is registered for write protection.</param>
/// <param name="UnitPages">Base pages in a page of its own: they are given back together.</param>
internal readonly record struct RemovalTerms(bool IsShared, bool RaisesMissing, bool RaisesMinor, bool IsWatched, int UnitPages);
