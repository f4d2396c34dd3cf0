namespace UffdActors.Explore.Faults;

/// <summary>Where a run may go wrong on purpose.</summary>
internal enum FaultPoint
{
    /// <summary>The page source reports that it cannot answer now.</summary>
    SourceFail,

    /// <summary>The answer of the page source comes after a time-out's worth of virtual time.</summary>
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

    /// <summary>A handler crashes when it is told of events.</summary>
    CrashOnEvents,

    /// <summary>Somebody else fills the page first, without waking anybody: the handler's fill gets EEXIST.</summary>
    RacingResolver,

    /// <summary>The address space begins and ends a change: fills that are under way get EAGAIN.</summary>
    ChangeBurst,

    /// <summary>A module's hook throws: the fill gets EIO, and its page waits until it is recovered.</summary>
    ModuleFail,

    /// <summary>A module has no memory for a page just now: the fill gets ENOMEM.</summary>
    ModuleNoMemory,

    /// <summary>The page source throws when it is asked.</summary>
    SourceThrow,

    /// <summary>The wire's actor crashes and is restarted; the answer that it had in hand is reported lost, later.</summary>
    WireCrash,

    /// <summary>Somebody else fills the last page of a chunk of the push: the fill stops there with a positive count.</summary>
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

    /// <summary>The page source answers with a page that nobody asked for.</summary>
    SourceOtherPage,

    /// <summary>The page source answers an order that never was.</summary>
    SourceUnknownOrder,

    /// <summary>The page source answers with less than no pages.</summary>
    SourceNoPages,

    /// <summary>The page source reports a failure without a reason.</summary>
    SourceNoReason,

    /// <summary>The page source takes an order and never says anything about it.</summary>
    SourceSilent,

    /// <summary>The embedder's hook for writes throws.</summary>
    HookThrow,
}

/// <summary>Names of the fault points, as scenarios and reports use them.</summary>
internal static class FaultPoints
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<FaultPoint> All { get; } = Enum.GetValues<FaultPoint>();

    /// <summary>Those at which the page source gives an answer that makes no sense.</summary>
    public static IReadOnlyList<FaultPoint> WrongAnswers { get; } =
        [FaultPoint.SourceOtherPage, FaultPoint.SourceUnknownOrder, FaultPoint.SourceNoPages, FaultPoint.SourceNoReason];

    /// <summary><c>source.fail</c>, <c>handler.crash-after-read</c>, and so on.</summary>
    public static string NameOf(FaultPoint point) => point switch
    {
        FaultPoint.SourceFail => "source.fail",
        FaultPoint.WireDelay => "wire.delay",
        FaultPoint.WireDrop => "wire.drop",
        FaultPoint.WireDuplicate => "wire.duplicate",
        FaultPoint.WireReorder => "wire.reorder",
        FaultPoint.WireShorten => "wire.shorten",
        FaultPoint.CrashAfterRead => "handler.crash-after-read",
        FaultPoint.CrashAfterFill => "handler.crash-after-fill",
        FaultPoint.CrashOnAnswer => "handler.crash-on-answer",
        FaultPoint.CrashOnEvents => "handler.crash-on-events",
        FaultPoint.RacingResolver => "fill.eexist",
        FaultPoint.ChangeBurst => "fill.eagain",
        FaultPoint.ModuleFail => "module.fail",
        FaultPoint.ModuleNoMemory => "module.enomem",
        FaultPoint.SourceThrow => "source.throw",
        FaultPoint.WireCrash => "wire.crash",
        FaultPoint.FillShort => "fill.short",
        FaultPoint.SpuriousWake => "context.wake",
        FaultPoint.CrashVma => "vma.crash",
        FaultPoint.CrashContext => "context.crash",
        FaultPoint.CrashSpace => "mm.crash",
        FaultPoint.SourceOtherPage => "source.other-page",
        FaultPoint.SourceUnknownOrder => "source.unknown-order",
        FaultPoint.SourceNoPages => "source.no-pages",
        FaultPoint.SourceNoReason => "source.no-reason",
        FaultPoint.SourceSilent => "source.silent",
        FaultPoint.HookThrow => "hook.throw",
        _ => "backend.crash",
    };

    /// <summary>The point of a name, or null.</summary>
    public static FaultPoint? Find(string name)
    {
        foreach (FaultPoint point in All)
        {
            if (NameOf(point) == name) return point;
        }

        return null;
    }
}
