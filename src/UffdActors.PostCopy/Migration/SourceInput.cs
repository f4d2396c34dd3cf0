using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Migration;

/// <summary>An event for the source's state machine, with what the code around it needs.</summary>
/// <param name="Happened">What has happened.</param>
/// <param name="Epoch">The epoch that it names.</param>
/// <param name="Link">The link that it is about, or came over; null if it is not about one.</param>
/// <param name="Body">State, or hash and state.</param>
/// <param name="Text">Text of the peer, or of the loss of a link.</param>
/// <param name="Done">Completed with whether a command was carried out.</param>
/// <param name="IsOfPeer">It came as a frame; the reading thread waits until it has been handled.</param>
/// <param name="Destination">Which destination a link leads to.</param>
internal readonly record struct SourceInput(
    SourceEvent Happened,
    ulong Epoch = 0,
    Link? Link = null,
    ReadOnlyMemory<byte> Body = default,
    string? Text = null,
    TaskCompletionSource<bool>? Done = null,
    bool IsOfPeer = false,
    UInt128 Destination = default) : IMigrationInput
{
    /// <inheritdoc />
    public bool IsLinkUp => Happened == SourceEvent.LinkUp;
}
