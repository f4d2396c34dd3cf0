namespace UffdActors.Stress.Injection;

/// <summary>What is counted.</summary>
internal enum Injected
{
    /// <summary>A fill met EEXIST.</summary>
    Eexist,

    /// <summary>A fill met EAGAIN.</summary>
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

    /// <summary>A page was taken away from the guest.</summary>
    PageDrop,

    /// <summary>An event was raised beside the guest, so that fills under way meet EAGAIN.</summary>
    ChangeBurst,

    /// <summary>A page was write-protected.</summary>
    Protection,

    /// <summary>A few pages were asked to be paged out.</summary>
    PageOut,
}
