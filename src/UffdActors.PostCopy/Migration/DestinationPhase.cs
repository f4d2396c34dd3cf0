namespace UffdActors.PostCopy;

/// <summary>Phase of the destination of a migration.</summary>
public enum DestinationPhase
{
    /// <summary>No guest has been offered.</summary>
    Waiting,

    /// <summary>Memory for the guest is being made.</summary>
    Preparing,

    /// <summary>Memory is there; content may be coming.</summary>
    Ready,

    /// <summary>The guest's state is being loaded.</summary>
    Loading,

    /// <summary>The guest runs here; pages are still coming.</summary>
    Running,

    /// <summary>Every page is here.</summary>
    Complete,

    /// <summary>The migration has ended.</summary>
    Ended,
}
