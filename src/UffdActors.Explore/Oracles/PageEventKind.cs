namespace UffdActors.Explore.Oracles;

/// <summary>What happened to the content of a page.</summary>
internal enum PageEventKind
{
    /// <summary>A load found a value.</summary>
    Read,

    /// <summary>A store, or a fill with content of its own.</summary>
    Write,

    /// <summary>The same of a thread whose process has ended meanwhile: it may have come to that, or not.</summary>
    MayWrite,

    /// <summary>What was there is gone; zeros come instead.</summary>
    Reset,

    /// <summary>The same, but only if the page was not there yet.</summary>
    ResetIfAbsent,

    /// <summary>What was there is gone; zeros come instead, or what the event brings.</summary>
    MayComeAgain,

    /// <summary>
    /// What was there may be gone, for the page moved while the call that would take it went on, or only some kinds of pages go; zeros come
    /// then, or what the event brings.
    /// </summary>
    MayReset,
}
