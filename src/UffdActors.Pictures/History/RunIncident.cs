namespace UffdActors.Pictures.History;

/// <summary>What went wrong, and when.</summary>
/// <param name="Nanoseconds">Since the run began.</param>
/// <param name="Kind">Kind of it.</param>
/// <param name="Message">What the runtime says of it.</param>
internal sealed record RunIncident(long Nanoseconds, string Kind, string Message);
