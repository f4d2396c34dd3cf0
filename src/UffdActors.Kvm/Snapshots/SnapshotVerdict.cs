using System.Globalization;
using UffdActors.Kvm.Runs;

namespace UffdActors.Kvm.Snapshots;

/// <summary>Compares the end of a guest with the result that the same guest has without any interruption.</summary>
internal static class SnapshotVerdict
{
    /// <summary>The result that every later run must have.</summary>
    /// <exception cref="InvalidOperationException">The guest has not ended in order.</exception>
    public static SnapshotDocument.ResultPart Expected(GuestResult uninterrupted) => new(
        [.. uninterrupted.Checksums.Select(c => HexText.Of(c ?? throw new InvalidOperationException("A vCPU has no checksum.")))],
        uninterrupted.MemorySha256 ?? throw new InvalidOperationException("The memory has no SHA-256."), uninterrupted.GivenBack);

    /// <summary>What differs, a sentence each; none if the guest has ended with the expected result.</summary>
    public static IReadOnlyList<string> Differences(SnapshotDocument.ResultPart expected, GuestResult result)
    {
        List<string> all = [.. result.Ends.Where(e => !e.IsDone).Select(e => e.Message)];
        if (all.Count > 0) return all;
        if (result.Checksums.Count != expected.Checksums.Count || result.Checksums.Count == 0)
            return [Text($"{result.Checksums.Count} vCPUs have a checksum, and without interruption {expected.Checksums.Count}.")];
        for (int i = 0; i < result.Checksums.Count; i++)
        {
            string checksum = result.Checksums[i] is { } value ? HexText.Of(value) : "none";
            if (checksum != expected.Checksums[i])
                all.Add($"vCPU {i} has the checksum {checksum}, and without interruption {expected.Checksums[i]}.");
            if (HexText.Of(result.Reported[i]) != checksum)
                all.Add($"vCPU {i} has reported {HexText.Of(result.Reported[i])}, and its register holds {checksum}.");
        }

        if (result.MemorySha256 != expected.MemorySha256)
            all.Add($"Its memory has the SHA-256 {result.MemorySha256 ?? "none"}, and without interruption {expected.MemorySha256}.");
        if (result.GivenBack != expected.GivenBack)
            all.Add(Text($"It gave {result.GivenBack} pages back, and without interruption {expected.GivenBack}."));
        return all;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
