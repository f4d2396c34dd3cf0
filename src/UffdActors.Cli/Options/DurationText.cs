using System.Globalization;

namespace UffdActors.Cli.Options;

/// <summary>
/// Durations as people write them: <c>90</c> and <c>90s</c> (seconds), <c>500ms</c>, <c>10m</c>, <c>8h</c>; and as reports and help print
/// them: <c>46.7 us</c>, <c>1.234 s</c>, <c>00:01:00</c>.
/// </summary>
internal static class DurationText
{
    private static readonly (string Unit, double Seconds)[] Units =
        [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400), ("", 1)];

    private static readonly TimeSpan Longest = TimeSpan.FromDays(40);

    /// <summary>The time of a text.</summary>
    /// <returns>False if it is none, or none that can be waited for.</returns>
    public static bool TryParse(string text, out TimeSpan time)
    {
        if (TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out time) && text.Contains(':', StringComparison.Ordinal))
            return time > TimeSpan.Zero && time <= Longest;
        time = TimeSpan.Zero;
        foreach ((string unit, double seconds) in Units)
        {
            if (!text.EndsWith(unit, StringComparison.OrdinalIgnoreCase)) continue;
            if (!double.TryParse(
                text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint | NumberStyles.AllowTrailingWhite,
                CultureInfo.InvariantCulture, out double number))
                return false;
            double total = number * seconds;
            if (!(total > 0) || total > Longest.TotalSeconds) return false;
            time = TimeSpan.FromSeconds(total);
            // Shorter than what a time is counted in.
            return time > TimeSpan.Zero;
        }

        return false;
    }
}
