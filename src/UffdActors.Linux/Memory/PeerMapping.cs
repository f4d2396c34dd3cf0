namespace UffdActors.Linux.Peers;

/// <summary>What a process has mapped at a range of its addresses.</summary>
/// <param name="Modes">The modes that any part of it is registered in with a userfaultfd, whichever that is.</param>
/// <param name="IsShared">All of it is shared (MAP_SHARED): what the file behind it holds shows there, and the other way round.</param>
public sealed record PeerMapping(RegisterModes Modes, bool IsShared);
