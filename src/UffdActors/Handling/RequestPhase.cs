namespace UffdActors.Handling;

/// <summary>Where a request is on its way.</summary>
internal enum RequestPhase : byte
{
    /// <summary>Fresh from the reader, on its way to a handler.</summary>
    New,

    /// <summary>On its way to the page source, or back with an answer.</summary>
    Fetching,

    /// <summary>Under way as a fill, or back with its outcome.</summary>
    Filling,

    /// <summary>Its page's write protection is being cleared.</summary>
    Clearing,

    /// <summary>Its page of the alias is being mapped.</summary>
    Populating,

    /// <summary>Waiting in a handler for another attempt.</summary>
    Deferred,

    /// <summary>Given up for now, and reported: it is not worked on until <c>recover</c> or <c>abandon</c>.</summary>
    Paused,

    /// <summary>The handler has nothing more to do; on its way to the context, which wakes the page's threads.</summary>
    Dismissed,
}
