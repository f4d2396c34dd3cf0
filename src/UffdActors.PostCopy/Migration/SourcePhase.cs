namespace UffdActors.PostCopy;

/// <summary>Phase of the source of a migration.</summary>
public enum SourcePhase
{
    /// <summary>The guest runs here; content may be copied already.</summary>
    GuestHere,

    /// <summary>The guest is being stopped for the hand-over.</summary>
    Stopping,

    /// <summary>The guest is stopped, and no hand-over of it is under way.</summary>
    Stopped,

    /// <summary>A hand-over was sent and not answered: the guest must not be started here.</summary>
    InDoubt,

    /// <summary>The guest runs at the destination, and pages are served.</summary>
    Serving,

    /// <summary>Every page is at the destination.</summary>
    Complete,

    /// <summary>The migration has ended.</summary>
    Ended,
}
