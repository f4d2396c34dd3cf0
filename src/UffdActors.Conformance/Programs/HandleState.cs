namespace UffdActors.Conformance.Programs;

/// <summary>An open handle.</summary>
/// <param name="Number">Number.</param>
/// <param name="IsInitialized">The handshake is done.</param>
/// <param name="IsNonBlocking">Reading an empty queue gives EAGAIN.</param>
/// <param name="HasMessages">There is something to read.</param>
internal readonly record struct HandleState(int Number, bool IsInitialized, bool IsNonBlocking, bool HasMessages);
