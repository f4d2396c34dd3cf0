namespace UffdActors.Handling;

/// <summary>What a handler does next about a fault.</summary>
internal enum Resolution
{
    /// <summary>Ask the page source.</summary>
    Fetch,

    /// <summary>Issue a fill (<see cref="FillPlan"/>).</summary>
    Fill,

    /// <summary>Look at what is registered there now, and fill by that.</summary>
    FillAgain,

    /// <summary>Fault the page of the alias in, so that it can be written.</summary>
    Populate,

    /// <summary>Clear write protection.</summary>
    ClearProtection,

    /// <summary>The page is being filled or written elsewhere: look again soon.</summary>
    Defer,

    /// <summary>The page is not what it seems, and cannot be had now: wait longer and longer.</summary>
    WaitOut,

    /// <summary>Nothing to fill: wake the page's threads, which look for themselves.</summary>
    Wake,

    /// <summary>The whole address space is gone: report that once, and try nothing any more.</summary>
    OwnerGone,

    /// <summary>No retry can mend it: report, and leave the threads where they are.</summary>
    Refuse,
}
