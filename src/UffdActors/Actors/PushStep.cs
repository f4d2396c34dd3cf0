namespace UffdActors.Actors;

/// <summary>What the background push does next with the piece that it has in hand.</summary>
internal enum PushStep
{
    /// <summary>Issue the fill that has been aimed.</summary>
    Issue,

    /// <summary>Go on with what is left, when others have had a turn.</summary>
    GoOn,

    /// <summary>Go on after a while: an event is unread.</summary>
    Delay,

    /// <summary>The fill had no effect: wait for better times (<see cref="PushFill.Trouble"/>).</summary>
    WaitOut,

    /// <summary>The source has named memory that cannot be read (<see cref="PushFill.Wrong"/>).</summary>
    SourceFailed,

    /// <summary>The memory is gone.</summary>
    OwnerGone,
}
