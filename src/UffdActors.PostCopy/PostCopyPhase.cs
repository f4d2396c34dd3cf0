namespace UffdActors.PostCopy;

/// <summary>Phase of a migration.</summary>
public enum PostCopyPhase
{
    /// <summary>The guest runs on the destination, and its memory follows.</summary>
    Migrating,

    /// <summary>Every page is there, and is being compared with the source.</summary>
    Verifying,
}
