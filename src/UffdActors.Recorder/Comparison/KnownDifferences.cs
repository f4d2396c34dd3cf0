using System.Globalization;
using UffdActors.Conformance.Replay;

namespace UffdActors.Recorder.Comparison;

/// <summary>
/// Differences that are understood and accepted. They are counted and listed, and end only the program that shows them. The table is short on
/// purpose: a difference belongs here only if no program that a user could write depends on it, or if the trace format leaves it open.
/// </summary>
public static class KnownDifferences
{
    /// <summary>VMA boundaries between neighbours that could be one: the trace format leaves them open (section 4).</summary>
    public const string Merging = "equal neighbours are merged in one list and not in the other (trace format, section 4)";

    /// <summary>Why a difference is accepted; null if it is not.</summary>
    public static string? Explain(Mismatch difference)
    {
        ArgumentNullException.ThrowIfNull(difference);
        return difference.Field == "v" && Merged(difference.Expected) == Merged(difference.Actual) ? Merging : null;
    }

    private static string Merged(string lines)
    {
        List<string[]> merged = [];
        foreach (string line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            // Range, protection, modes, backing, states.
            string[] next = line.Split(' ');
            if (next.Length != 5) return lines;
            if (merged.Count > 0 && Continues(merged[^1], next))
            {
                string[] last = merged[^1];
                last[0] = last[0].Split('-')[0] + "-" + next[0].Split('-')[1];
                last[4] += next[4];
            }
            else
            {
                merged.Add(next);
            }
        }

        return string.Join('\n', merged.Select(m => string.Join(' ', m)));
    }

    private static bool Continues(string[] last, string[] next)
    {
        string[] range = last[0].Split('-');
        if (range[1] != next[0].Split('-')[0] || last[1] != next[1] || last[2] != next[2]) return false;
        if (last[3] == "anon" || next[3] == "anon") return last[3] == next[3];
        string[] file = last[3].Split('+');
        string[] other = next[3].Split('+');
        return file[0] == other[0] && Hex(file[1]) + (Hex(range[1]) - Hex(range[0])) == Hex(other[1]);
    }

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
