namespace UffdActors.PostCopy.Wire;

/// <summary>The peer has sent what the protocol does not allow. The link is closed; what was received before it stays.</summary>
internal sealed class WireException(string message) : Exception(message);
