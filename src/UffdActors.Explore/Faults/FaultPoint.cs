namespace UffdActors.Explore.Faults;

/// <summary>Where a fault can be injected into a run.</summary>
internal enum FaultPoint
{
    /// <summary>The page source reports that it cannot answer now.</summary>
    SourceFail,

    /// <summary>The answer of the page source comes later by the virtual time of a time-out.</summary>
    WireDelay,

    /// <summary>The answer is lost; the source reports that after its own deadline.</summary>
    WireDrop,

    /// <summary>The answer comes twice.</summary>
    WireDuplicate,

    /// <summary>The answer waits until another one has overtaken it, or for a while.</summary>
    WireReorder,

    /// <summary>An answer of several pages comes in pieces.</summary>
    WireShorten,

    /// <summary>A handler crashes just after it was handed a fault.</summary>
    CrashAfterRead,

    /// <summary>A handler crashes just after it has sent a fill.</summary>
    CrashAfterFill,

    /// <summary>A handler crashes on an answer.</summary>
    CrashOnAnswer,

    /// <summary>Another resolver fills the page first and does not wake: the handler's fill gets EEXIST.</summary>
    RacingResolver,

    /// <summary>The address space begins and ends a change: fills that are under way get EAGAIN.</summary>
    ChangeBurst,

    /// <summary>A module's hook throws: the fill gets EIO, and its page waits until it is recovered.</summary>
    ModuleFail,

    /// <summary>A module is temporarily out of memory: the fill gets ENOMEM.</summary>
    ModuleNoMemory,

    /// <summary>The page source throws when it is asked.</summary>
    SourceThrow,

    /// <summary>The wire's actor crashes and is restarted; the answer that it was handling is reported lost, later.</summary>
    WireCrash,

    /// <summary>Another resolver fills the last page of a chunk of the push: the fill stops there with a positive count.</summary>
    FillShort,

    /// <summary>The page's threads are woken although nothing was filled, as a signal would: they raise the same fault twice.</summary>
    SpuriousWake,

    /// <summary>A turn of a VMA's owner ends in an exception: the VM fails closed.</summary>
    CrashVma,

    /// <summary>The same in a turn of a context.</summary>
    CrashContext,

    /// <summary>The same in a turn of the address space.</summary>
    CrashSpace,

    /// <summary>The same in a turn of a module's backend, outside the module's own code.</summary>
    CrashBackend,

    /// <summary>The page source answers with a page that the order does not have.</summary>
    SourceOtherPage,

    /// <summary>The page source answers an order that was never given.</summary>
    SourceUnknownOrder,

    /// <summary>The page source answers with a negative number of pages.</summary>
    SourceNoPages,

    /// <summary>The page source reports a failure without a reason.</summary>
    SourceNoReason,

    /// <summary>The page source takes an order and never answers it.</summary>
    SourceSilent,

    /// <summary>The embedder's hook for writes throws.</summary>
    HookThrow,
}
