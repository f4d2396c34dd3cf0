namespace UffdActors.Kvm.Snapshots;

/// <summary>A snapshot cannot be made or used: its files are not what they have to be. The message is one sentence that says what to do.
/// </summary>
internal sealed class SnapshotException(string message, Exception? inner = null) : Exception(message, inner);
