using System.Globalization;

namespace UffdActors.Kvm.Runs;

/// <summary>Compares a guest whose memory was served with the same guest that had all of it.</summary>
internal static class GuestVerdict
{
    /// <summary>What differs, a sentence each; none if the served guest has computed the same.</summary>
    public static IReadOnlyList<string> Differences(GuestResult present, GuestResult served)
    {
        List<string> all = [];
        all.AddRange(present.Ends.Where(e => !e.IsDone).Select(e => "With all memory present: " + e.Message));
        all.AddRange(served.Ends.Where(e => !e.IsDone).Select(e => e.Message));
        if (all.Count > 0) return all;
        // What is not there is equal on both sides, and nothing was compared.
        if (served.Checksums.Count != present.Checksums.Count || served.Checksums.Count == 0)
            return [Text($"{served.Checksums.Count} vCPUs have a checksum, and with all memory present {present.Checksums.Count}.")];
        if (served.MemorySha256 is null || present.MemorySha256 is null) all.Add("There is no SHA-256 of its memory on both sides.");
        for (int i = 0; i < served.Checksums.Count; i++)
        {
            if (served.Checksums[i] != present.Checksums[i])
                all.Add(Text(
                    $"vCPU {i} has the checksum {Hex(served.Checksums[i])}, and with all memory present {Hex(present.Checksums[i])}."));
            if (served.Reported[i] != served.Checksums[i])
                all.Add(Text($"vCPU {i} has reported {Hex(served.Reported[i])}, and its register holds {Hex(served.Checksums[i])}."));
        }

        if (served.MemorySha256 != present.MemorySha256)
            all.Add($"Its memory has the SHA-256 {served.MemorySha256}, and with all memory present {present.MemorySha256}.");
        if (served.GivenBack != present.GivenBack)
            all.Add(Text($"It gave {served.GivenBack} pages back, and with all memory present {present.GivenBack}."));
        return all;
    }

    private static string Hex(ulong? value) => value is { } v ? Text($"0x{v:x16}") : "none";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
