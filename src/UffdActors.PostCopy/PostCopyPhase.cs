namespace UffdActors.PostCopy;

/// <summary>What a migration is at.</summary>
public enum PostCopyPhase
{
    /// <summary>The guest runs on the destination, and its memory follows.</summary>
    Migrating,

    /// <summary>Everything is there, and is compared with the source.</summary>
    Verifying,
}
