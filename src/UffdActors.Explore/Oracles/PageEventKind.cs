namespace UffdActors.Explore.Oracles;

/// <summary>What happened to the content of a page.</summary>
internal enum PageEventKind
{
    /// <summary>A load found a value.</summary>
    Read,

    /// <summary>A store, or a fill with content of its own.</summary>
    Write,

    /// <summary>A write of a thread whose process ended meanwhile: it may have happened.</summary>
    MayWrite,

    /// <summary>The page is gone; zeros come instead.</summary>
    Reset,

    /// <summary>As <see cref="Reset"/>, but only if the page was not there yet.</summary>
    ResetIfAbsent,

    /// <summary>The page is gone; zeros come instead, or the value of the event.</summary>
    MayComeAgain,

    /// <summary>
    /// The page may be gone: it was moved during the call that would remove it, or the call removes only some kinds of pages. Zeros come
    /// then, or the value of the event.
    /// </summary>
    MayReset,
}
