namespace UffdActors.PostCopy.Migration;

/// <summary>
/// A rule of WIRE.md that a machine breaks on purpose, so that the exploration can be seen to find it. The product breaks none.
/// </summary>
internal enum HandOverFlaw
{
    /// <summary>Every rule is kept.</summary>
    None,

    /// <summary>W1: the source lets its guest go on when the link is lost after the hand-over was sent.</summary>
    ResumeInDoubt,

    /// <summary>W3: the destination tells a new link that it runs nothing while it loads, and runs all the same.</summary>
    RunAfterWelcome,

    /// <summary>W5: the end is not told again on a new link.</summary>
    EndToldOnce,

    /// <summary>W4: the source lets its guest go on when the destination that has run it gives up.</summary>
    ResumeAfterLoss,

    /// <summary>W7: the source takes the word of a destination to which it has not handed over.</summary>
    TrustAnother,
}
