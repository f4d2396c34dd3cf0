namespace UffdActors.PostCopy.Migration;

/// <summary>Actions of the destination's state machine.</summary>
internal enum DestinationAct
{
    /// <summary>Answer the link with the epoch that runs here, 0 if none does.</summary>
    SendWelcome,

    /// <summary>Refuse the link: it is not this migration's.</summary>
    RejectLink,

    /// <summary>Make memory for the guest.</summary>
    Prepare,

    /// <summary>Tell the source that memory is there.</summary>
    SendOfferTaken,

    /// <summary>Tell the source that memory cannot be made.</summary>
    SendRejected,

    /// <summary>
    /// Drop the guest's memory: content copied over a lost link, and pages touched by loading, are older than the guest's.
    /// </summary>
    DropMemory,

    /// <summary>Load the guest's state.</summary>
    Load,

    /// <summary>Tell the source that the guest runs here.</summary>
    SendAccepted,

    /// <summary>Run the guest.</summary>
    Run,

    /// <summary>Tell the source that the guest will not run here for this epoch.</summary>
    SendRefused,

    /// <summary>Tell the source that every page is here.</summary>
    SendComplete,

    /// <summary>Tell the source how the guest has ended.</summary>
    SendFinished,

    /// <summary>Tell the source that the verdict is known.</summary>
    SendBye,

    /// <summary>Tell the source that the migration is given up.</summary>
    SendAbandon,

    /// <summary>Refuse the operator's command: it would lose the guest.</summary>
    RefuseCommand,

    /// <summary>The migration has ended.</summary>
    End,
}
