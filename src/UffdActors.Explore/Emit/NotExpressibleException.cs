namespace UffdActors.Explore.Emit;

/// <summary>The run has no user-space side that a C program could repeat; the message says why.</summary>
internal sealed class NotExpressibleException(string message) : Exception(message);
