namespace UffdActors.PostCopy.Migration;

/// <summary>Events of the destination's state machine.</summary>
internal enum DestinationEvent
{
    /// <summary>A link is there; the number is the epoch that the source has handed over last.</summary>
    LinkUp,

    /// <summary>The link is gone.</summary>
    LinkDown,

    /// <summary>The source says what the guest's memory is.</summary>
    Offer,

    /// <summary>Memory is there.</summary>
    Prepared,

    /// <summary>It cannot be made.</summary>
    PrepareFailed,

    /// <summary>The guest's state; the number is the epoch.</summary>
    HandOver,

    /// <summary>It has been loaded.</summary>
    Loaded,

    /// <summary>It cannot be loaded.</summary>
    LoadFailed,

    /// <summary>Every page has been installed.</summary>
    AllInstalled,

    /// <summary>The guest has ended, and the hash of its memory is known.</summary>
    GuestEnded,

    /// <summary>The guest cannot go on here.</summary>
    GuestFailed,

    /// <summary>The source has sent the hash that the memory must have, or that it needs nothing more.</summary>
    Verdict,

    /// <summary>The operator gives up, without loss.</summary>
    Abandon,

    /// <summary>The operator gives up the guest.</summary>
    AbandonWithLoss,

    /// <summary>The source gives up.</summary>
    Abandoned,
}
