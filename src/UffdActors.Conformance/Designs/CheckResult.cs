namespace UffdActors.Conformance.Designs;

/// <summary>Result of one check.</summary>
/// <param name="Number">Number in SEMANTICS 7.5.</param>
/// <param name="Rule">What holds if it passes.</param>
/// <param name="Failure">The example on which it failed; null if it passed.</param>
/// <param name="IsOfDesign">True if a failure is the design's, whatever the module does.</param>
internal sealed record CheckResult(string Number, string Rule, string? Failure, bool IsOfDesign);
