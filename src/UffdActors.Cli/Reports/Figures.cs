using System.Globalization;

namespace UffdActors.Cli.Reports;

/// <summary>Figures for people: grouped by thousands, times in the unit that suits them.</summary>
internal static class Figures
{
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    public static string Count(long value, string one, string many) => $"{Count(value)} {(value == 1 ? one : many)}";

    /// <summary>A count of faults, with the times that a signal had a thread raise one again: these are no faults, and hide none.</summary>
    public static string Faults(long faults, long repeats) =>
        Count(faults) + AndRepeats(repeats);

    /// <summary>The same behind the word.</summary>
    public static string AndRepeats(long repeats) => repeats == 0 ? "" : $" (and {Count(repeats)} raised again)";

    public static string Rate(double perSecond) => perSecond.ToString("N0", CultureInfo.InvariantCulture) + "/s";

    public static string Time(TimeSpan time) => Time(time.Ticks * (double)TimeSpan.NanosecondsPerTick);

    public static string Time(double nanoseconds) => nanoseconds switch
    {
        < 1e3 => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds:0} ns"),
        < 1e6 => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1e3:0.0} us"),
        < 1e9 => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1e6:0.0} ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1e9:0.000} s"),
    };

    public static string Placement(VmPlace place)
    {
        return $"fault loop on {Cpu(place.LoopCpu)}, vCPUs on {Cpu(place.VcpuCpu)}";

        static string Cpu(int? cpu) => cpu is { } number ? $"CPU {number}" : "any CPU";
    }

    public static string Share(long part, long whole) =>
        whole == 0 ? "0 %" : string.Create(CultureInfo.InvariantCulture, $"{100.0 * part / whole:0.0} %");
}
