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

    /// <summary>A module's hook throws: the fill gets EIO.</summary>
    ModuleFail,
}

/// <summary>Names of the fault points, as scenarios and reports use them.</summary>
internal static class FaultPoints
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<FaultPoint> All { get; } = Enum.GetValues<FaultPoint>();

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
        _ => "module.fail",
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
