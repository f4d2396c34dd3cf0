using Akka.Actor;

namespace UffdActors.Handling;

/// <summary>A deferred request is to be tried again.</summary>
internal sealed record RetryRequest(PageRequest Request) : INoSerializationVerificationNeeded;
