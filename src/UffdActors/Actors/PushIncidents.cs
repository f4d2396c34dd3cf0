using UffdActors.Handling;
using UffdActors.Model.Inputs;
using UffdActors.Model.Memory;

namespace UffdActors.Actors;

/// <summary>What is reported of a background push, and what its outages are about.</summary>
internal static class PushIncidents
{
    /// <summary>The first page that is passed over, because the source will never have it.</summary>
    public static Incident Lost(int region, PushOrder order, Exception failure) => new(
        IncidentKind.PageLost,
        $"The background push of region {region} passes over page {order.FirstPage}, which is lost ({ForeignText.Of(failure)}), and every "
            + "other one that is lost like it. It brings all others, and tries these again when it is recovered.",
        failure);

    /// <summary>The first page that is passed over, because what is mapped there takes no such fill.</summary>
    public static Incident Refused(int region, long page, IPageFill fill) => new(
        IncidentKind.FillRefused,
        $"The background push of region {region} passes over page {page}, and every other one that is "
            + $"refused like it: {RequestIncidents.CallOf(fill.Kind)} at 0x{fill.Start:x} gives {fill.Error} (other memory may be mapped "
            + "there than was registered).");

    /// <summary>A fill has had no effect; part of a sentence.</summary>
    public static string Fruitless(IPageFill fill)
    {
        string call = RequestIncidents.CallOf(fill.Kind);
        if (fill.Error == Errno.ENOMEM) return $"{call} of the page at 0x{fill.Start:x} gives ENOMEM again and again";
        string hole = fill.Error == Errno.EFAULT && fill.Kind == FillKind.Continue
            ? ": its page cache was said to be filled, and has no page there" : "";
        return $"the background {call} of {fill.Length} bytes at 0x{fill.Start:x} gives {fill.Error}{hole}"
            + RequestIncidents.Denied(fill.Error, fill.Denier);
    }

    /// <summary>The same of a larger page that COPY says is there, and CONTINUE does not find; part of a sentence.</summary>
    public static string Absent(IPageFill fill) =>
        $"the page at 0x{fill.Start:x} is absent, and COPY gives EEXIST again and again (the pool of huge pages may be empty)";
}
