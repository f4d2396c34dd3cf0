using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Migration;

/// <summary>What the inbox of a migration has to know of an input of either side.</summary>
internal interface IMigrationInput
{
    /// <summary>The link that it is about, or came over; null if it is not about one.</summary>
    Link? Link { get; }

    /// <summary>True if it brings a new link, which has to be closed if nobody takes the input.</summary>
    bool IsLinkUp { get; }

    /// <summary>True if it came as a frame; the reading thread waits until it has been handled.</summary>
    bool IsOfPeer { get; }

    /// <summary>Completed with whether a command was carried out; null if it is none.</summary>
    TaskCompletionSource<bool>? Done { get; }
}
