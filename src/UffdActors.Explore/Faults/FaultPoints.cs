namespace UffdActors.Explore.Faults;

/// <summary>Names of the fault points, as scenarios and reports use them.</summary>
internal static class FaultPoints
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<FaultPoint> All { get; } = Enum.GetValues<FaultPoint>();

    /// <summary>Those at which the page source gives an invalid answer.</summary>
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
}
