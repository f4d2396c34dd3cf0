using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Migration;

/// <summary>An event for the destination's state machine, with what the code around it needs.</summary>
/// <param name="Happened">What has happened.</param>
/// <param name="Epoch">The epoch that it names.</param>
/// <param name="Link">The link that it is about, or came over; null if it is not about one.</param>
/// <param name="Body">What came with it.</param>
/// <param name="Text">Text of the peer, of a failure, or of the loss of a link.</param>
/// <param name="Done">Completed with whether a command was carried out.</param>
/// <param name="IsOfPeer">It came as a frame; the reading thread waits until it has been handled.</param>
internal readonly record struct DestinationInput(
    DestinationEvent Happened,
    ulong Epoch = 0,
    Link? Link = null,
    ReadOnlyMemory<byte> Body = default,
    string? Text = null,
    TaskCompletionSource<bool>? Done = null,
    bool IsOfPeer = false) : IMigrationInput
{
    /// <inheritdoc />
    public bool IsLinkUp => Happened == DestinationEvent.LinkUp;
}
