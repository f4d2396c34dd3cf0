using System.Globalization;

namespace UffdActors.Cli.Options;

/// <summary>Durations as people write them: <c>90</c> and <c>90s</c> (seconds), <c>500ms</c>, <c>10m</c>, <c>8h</c>.</summary>
internal static class DurationText
{
    private static readonly (string Unit, double Seconds)[] Units = [("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400), ("", 1)];

    /// <summary>The time of a text.</summary>
    /// <returns>False if it is none, or none that can be waited for.</returns>
    public static bool TryParse(string text, out TimeSpan time)
    {
        time = TimeSpan.Zero;
        foreach ((string unit, double seconds) in Units)
        {
            if (!text.EndsWith(unit, StringComparison.OrdinalIgnoreCase)) continue;
            if (!double.TryParse(
                text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number))
                return false;
            double total = number * seconds;
            if (!(total > 0) || total > TimeSpan.FromDays(40).TotalSeconds) return false;
            time = TimeSpan.FromSeconds(total);
            return true;
        }

        return false;
    }
}
