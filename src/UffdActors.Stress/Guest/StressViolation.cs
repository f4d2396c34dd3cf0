namespace UffdActors.Stress.Guest;

/// <summary>A violated oracle.</summary>
/// <param name="Oracle">The oracle.</param>
/// <param name="Message">One sentence: page, place, what was expected, what was found.</param>
/// <param name="Page">Page; null if it is not about one.</param>
/// <param name="Details">Lines that show which thread waited for what; empty if that does not matter.</param>
internal sealed record StressViolation(StressOracle Oracle, string Message, long? Page, IReadOnlyList<string> Details);
