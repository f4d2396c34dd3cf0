namespace UffdActors.PostCopy.Migration;

/// <summary>Events of the source's state machine.</summary>
internal enum SourceEvent
{
    /// <summary>A link is there; the number is the epoch that the destination runs, 0 for none.</summary>
    LinkUp,

    /// <summary>The link is gone.</summary>
    LinkDown,

    /// <summary>The destination has memory for the guest.</summary>
    OfferTaken,

    /// <summary>It is time to hand over: enough has been copied, or the operator says so.</summary>
    Switch,

    /// <summary>The guest has stopped, and its state is known.</summary>
    GuestStopped,

    /// <summary>The guest has failed here, or does not stop: it cannot be handed over.</summary>
    StopFailed,

    /// <summary>The destination runs the guest; the number is the epoch.</summary>
    Accepted,

    /// <summary>The destination has not run the guest and will not; the number is the epoch.</summary>
    Refused,

    /// <summary>Every page has arrived; the number is the epoch.</summary>
    Complete,

    /// <summary>The guest has ended there; the number is the epoch.</summary>
    Finished,

    /// <summary>The hash is known that the guest's memory must have.</summary>
    Checked,

    /// <summary>The guest has ended in another state than it must, or that could not be computed.</summary>
    CheckFailed,

    /// <summary>The destination knows the verdict.</summary>
    Bye,

    /// <summary>The operator gives up, without loss.</summary>
    Abandon,

    /// <summary>The operator gives up what may be lost by it.</summary>
    AbandonWithLoss,

    /// <summary>The operator asserts that the destination's process is gone, or never ran the guest: it may resume here.</summary>
    ResumeHere,

    /// <summary>The destination gives up; the number is the epoch that it has run, 0 for none.</summary>
    Abandoned,
}
