using Akka.Actor;

namespace UffdActors.Explore.Scenes;

/// <summary>An answer that waits for another one to overtake it.</summary>
internal sealed record WireHold(WireAnswer Answer) : INoSerializationVerificationNeeded;
