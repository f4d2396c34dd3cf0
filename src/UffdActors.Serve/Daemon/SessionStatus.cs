namespace UffdActors.Serve;

/// <summary>The state of a daemon's session.</summary>
/// <param name="Spec">What it is.</param>
/// <param name="Guests">Its guests.</param>
public sealed record SessionStatus(SessionSpec Spec, IReadOnlyList<GuestStatus> Guests);
