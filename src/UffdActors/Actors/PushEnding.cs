namespace UffdActors.Actors;

/// <summary>Why a push is over.</summary>
internal enum PushEnding
{
    /// <summary>Everything is there that there can be.</summary>
    Done,

    /// <summary>It was told to end: what has not been brought comes on demand.</summary>
    Early,

    /// <summary>The memory is gone with its process: the push has failed, and what it has not filled is not received.</summary>
    OwnerGone,
}
