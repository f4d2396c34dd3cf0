namespace UffdActors.PostCopy.Migration;

/// <summary>Actions of the source's state machine.</summary>
internal enum SourceAct
{
    /// <summary>Tell the destination what the guest's memory is.</summary>
    SendOffer,

    /// <summary>Copy content from the beginning, if there is to be a pre-copy, and say when it is time to switch.</summary>
    BeginCopy,

    /// <summary>Stop the guest, and take its state.</summary>
    StopGuest,

    /// <summary>Send discards, end of content, and the guest's state with the epoch's number.</summary>
    SendHandOver,

    /// <summary>Resume the guest here.</summary>
    ResumeGuest,

    /// <summary>Compute what the guest's memory must be at its end.</summary>
    Check,

    /// <summary>Send the hash.</summary>
    SendVerdict,

    /// <summary>Tell the destination that the migration has ended.</summary>
    SendBye,

    /// <summary>Tell the destination that the migration is given up.</summary>
    SendAbandon,

    /// <summary>Close the link: the peer's claim contradicts this side's state.</summary>
    CloseLink,

    /// <summary>Refuse the operator's command: it would lose something, or let two guests run.</summary>
    RefuseCommand,

    /// <summary>The migration has ended.</summary>
    End,
}
