namespace UffdActors.PostCopy.Wire;

/// <summary>Kind of a frame; WIRE.md has sender, lane and content of each.</summary>
internal enum MessageKind : byte
{
    /// <summary>Source: the first frame of every connection.</summary>
    Hello = 1,

    /// <summary>Destination: the connection is a lane of the migration.</summary>
    Welcome = 2,

    /// <summary>Either: the request is refused; the text says why. The connection is closed afterwards.</summary>
    Rejected = 3,

    /// <summary>Source: the guest's regions.</summary>
    Offer = 4,

    /// <summary>Destination: memory for them is there.</summary>
    OfferTaken = 5,

    /// <summary>Source, background lanes: content before the hand-over.</summary>
    Content = 6,

    /// <summary>Source, background lanes: no content follows on this lane.</summary>
    ContentEnd = 7,

    /// <summary>Source: content of these pages that was sent is old.</summary>
    Discard = 8,

    /// <summary>Source: the guest has stopped; its state.</summary>
    HandOver = 9,

    /// <summary>Destination: the guest runs here from now on.</summary>
    Accepted = 10,

    /// <summary>Destination: the guest does not run here, and will not for this epoch.</summary>
    Refused = 11,

    /// <summary>Destination, any lane: a request for pages.</summary>
    Request = 12,

    /// <summary>Source, the request's lane: pages.</summary>
    Answer = 13,

    /// <summary>Source, the request's lane: pages that cannot be read there.</summary>
    Lost = 14,

    /// <summary>Destination: every page is there.</summary>
    Complete = 15,

    /// <summary>Destination: the guest has ended; hash of its memory, and its state.</summary>
    Finished = 16,

    /// <summary>Source: the hash that it has computed by itself.</summary>
    Verdict = 17,

    /// <summary>Either: the migration is given up; the text says why.</summary>
    Abandon = 18,

    /// <summary>Either, urgent lane: the sender is alive.</summary>
    Ping = 19,

    /// <summary>Destination: the verdict is known; nothing follows.</summary>
    Bye = 20,
}
