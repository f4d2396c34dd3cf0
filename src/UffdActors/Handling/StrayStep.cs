namespace UffdActors.Handling;

/// <summary>What to do about a fault in no region that is served.</summary>
internal enum StrayStep
{
    /// <summary>Wake its thread: it looks again, and finds what is there now.</summary>
    Wake,

    /// <summary>Leave it asleep until the next event, or a while, whichever comes first.</summary>
    Hold,

    /// <summary>Leave it asleep, and say so.</summary>
    Report,

    /// <summary>Others wait at that address already: what becomes of them becomes of this one.</summary>
    Join,
}
