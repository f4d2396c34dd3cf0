namespace UffdActors.PostCopy.Migration;

/// <summary>What the source's machine wants done.</summary>
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

    /// <summary>Let the guest go on here.</summary>
    ResumeGuest,

    /// <summary>Find out what the guest's memory must be at its end.</summary>
    Check,

    /// <summary>Send what was found.</summary>
    SendVerdict,

    /// <summary>Tell the destination that all is over.</summary>
    SendBye,

    /// <summary>Tell the destination that the migration is given up.</summary>
    SendAbandon,

    /// <summary>Close the link: what the peer says cannot be.</summary>
    CloseLink,

    /// <summary>The command of the operator cannot be followed: it would lose something, or let two guests run.</summary>
    RefuseCommand,

    /// <summary>The migration has ended.</summary>
    End,
}
