namespace UffdActors.Serve;

/// <summary>What a note of a session is about.</summary>
public enum SessionNoteKind
{
    /// <summary>Something to know; the session goes on.</summary>
    Warning,

    /// <summary>The session cannot go on: by its policy the guest stays asleep from the next absent page on.</summary>
    Frozen,

    /// <summary>What kept it from going on is over.</summary>
    GoesOn,

    /// <summary>The session cannot go on, and by its policy the VMM has been killed.</summary>
    Killed,
}
