namespace UffdActors.PostCopy.Migration;

/// <summary>What the destination's machine wants done.</summary>
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
    /// Forget the guest's memory: what was copied over a link that is lost, and what loading may have touched, is older than the guest.
    /// </summary>
    DropMemory,

    /// <summary>Load the guest's state.</summary>
    Load,

    /// <summary>Tell the source that the guest runs here.</summary>
    SendAccepted,

    /// <summary>Let the guest run.</summary>
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

    /// <summary>The command of the operator would lose the guest.</summary>
    RefuseCommand,

    /// <summary>The migration has ended.</summary>
    End,
}
