namespace UffdActors.Serve;

/// <summary>What a daemon says of a session.</summary>
/// <param name="Spec">What it is.</param>
/// <param name="Guests">Its guests.</param>
public sealed record SessionStatus(SessionSpec Spec, IReadOnlyList<GuestStatus> Guests);
