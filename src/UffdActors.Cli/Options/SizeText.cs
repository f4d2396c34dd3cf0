using System.Globalization;

namespace UffdActors.Cli.Options;

/// <summary>Sizes as people write them: <c>4096</c>, <c>256M</c>, <c>256MiB</c>, <c>1G</c>. Units are powers of 1024.</summary>
internal static class SizeText
{
    private const string Units = "KMGT";

    /// <summary>Bytes of a size.</summary>
    /// <returns>False if the text is no size, or too large for any machine.</returns>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        int digits = 0;
        while (digits < text.Length && char.IsAsciiDigit(text[digits])) digits++;
        if (!long.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out long number)) return false;
        string unit = text[digits..].ToUpperInvariant();
        if (unit.EndsWith("IB", StringComparison.Ordinal) && unit.Length == 3) unit = unit[..1];
        int power = unit.Length == 0 ? 0 : unit.Length == 1 ? Units.IndexOf(unit[0], StringComparison.Ordinal) + 1 : 0;
        if (unit.Length > 0 && power == 0) return false;
        int shift = 10 * power;
        if (number > long.MaxValue >> shift) return false;
        bytes = number << shift;
        return true;
    }

    /// <summary>A size in the largest unit that leaves no fraction, for people.</summary>
    public static string Of(long bytes)
    {
        int power = 0;
        while (power < Units.Length && bytes != 0 && bytes % 1024 == 0)
        {
            bytes /= 1024;
            power++;
        }

        return power == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{bytes:N0} bytes")
            : string.Create(CultureInfo.InvariantCulture, $"{bytes:N0} {Units[power - 1]}iB");
    }
}
