namespace UffdActors;

/// <summary>What ends the pause of pages whose source has failed for longer than the patience with it.</summary>
public enum SourceResume
{
    /// <summary>
    /// The source itself: one of them asks it about once a second, and when it answers, all go on. <see cref="Userfault.Recover"/> does so
    /// at once.
    /// </summary>
    Auto,

    /// <summary><see cref="Userfault.Recover"/> alone.</summary>
    Manual,
}
