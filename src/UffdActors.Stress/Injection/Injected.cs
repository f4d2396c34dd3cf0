namespace UffdActors.Stress.Injection;

/// <summary>Counted events.</summary>
internal enum Injected
{
    /// <summary>A fill got EEXIST.</summary>
    Eexist,

    /// <summary>A fill got EAGAIN.</summary>
    Eagain,

    /// <summary>A racing resolver has filled a page.</summary>
    RacerFill,

    /// <summary>A handler was made to crash.</summary>
    HandlerCrash,

    /// <summary>The source answered late.</summary>
    SourceDelay,

    /// <summary>The source answered twice.</summary>
    SourceDuplicate,

    /// <summary>The source said that it could not answer.</summary>
    SourceFailure,

    /// <summary>A page of the guest was dropped.</summary>
    PageDrop,

    /// <summary>An event was raised beside the guest, so that fills under way get EAGAIN.</summary>
    ChangeBurst,

    /// <summary>A page was write-protected.</summary>
    Protection,

    /// <summary>MADV_PAGEOUT was called over a few pages.</summary>
    PageOut,
}
