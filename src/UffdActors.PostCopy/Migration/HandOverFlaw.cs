namespace UffdActors.PostCopy.Migration;

/// <summary>
/// A rule of WIRE.md that a state machine breaks on purpose, to show that exploration finds it. The product breaks none.
/// </summary>
internal enum HandOverFlaw
{
    /// <summary>Every rule is kept.</summary>
    None,

    /// <summary>W1: the source resumes its guest when the link is lost after the hand-over was sent.</summary>
    ResumeInDoubt,

    /// <summary>W3: a destination that is loading sends a Welcome with 0 on a new link, and runs the guest all the same.</summary>
    RunAfterWelcome,

    /// <summary>W5: Complete and Finished are not sent again on a new link.</summary>
    EndToldOnce,

    /// <summary>W4: the source resumes its guest when the destination that has run it gives up.</summary>
    ResumeAfterLoss,

    /// <summary>W7: the source accepts the answer of a destination to which it has not handed over.</summary>
    TrustAnother,
}
