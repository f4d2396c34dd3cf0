namespace UffdActors.Actors;

/// <summary>What a background push waits for.</summary>
internal enum PushState
{
    /// <summary>Its next turn.</summary>
    Going,

    /// <summary>The demands that have been raised.</summary>
    Waiting,

    /// <summary>The page source.</summary>
    Asking,

    /// <summary>A fill.</summary>
    Filling,

    /// <summary><c>recover</c>, or a probe.</summary>
    Paused,

    /// <summary>To be resumed.</summary>
    Held,

    /// <summary>Nothing: it has ended.</summary>
    Over,
}
