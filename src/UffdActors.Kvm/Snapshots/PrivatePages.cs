using System.Globalization;

namespace UffdActors.Kvm.Snapshots;

/// <summary>Pages of a mapping that are nobody else's, by <c>/proc/self/smaps</c>.</summary>
internal static class PrivatePages
{
    /// <summary>Bytes of private pages between two addresses, in memory and in swap.</summary>
    public static long BytesIn(ulong start, ulong end) => BytesIn(File.ReadLines("/proc/self/smaps"), start, end);

    /// <summary>The same of the lines of such a file.</summary>
    public static long BytesIn(IEnumerable<string> smaps, ulong start, ulong end)
    {
        bool isIn = false;
        long kilobytes = 0;
        foreach (string line in smaps)
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            int dash = line.IndexOf('-', StringComparison.Ordinal);
            if (dash > 0 && Hex(line.AsSpan(0, dash)) is { } from && line.IndexOf(' ', dash) is > 0 and var space
                && Hex(line.AsSpan(dash + 1, space - dash - 1)) is { } to)
            {
                isIn = from >= start && to <= end;
                continue;
            }

            // "Anonymous:          12 kB", and what of it is in swap.
            if (isIn && colon > 0 && (line[..colon] is "Anonymous" or "Swap"))
                kilobytes += long.Parse(line.AsSpan(colon + 1).TrimEnd("kB").Trim(), NumberStyles.None, CultureInfo.InvariantCulture);
        }

        return kilobytes << 10;
    }

    private static ulong? Hex(ReadOnlySpan<char> text) =>
        ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value) ? value : null;
}
