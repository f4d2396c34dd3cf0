using System.Globalization;

namespace UffdActors.Recorder.Execution;

/// <summary>A VMA as <c>/proc/self/smaps</c> shows it.</summary>
/// <param name="Start">First address.</param>
/// <param name="End">First address behind.</param>
/// <param name="Perm">Protection, as there.</param>
/// <param name="Offset">Offset in the file.</param>
/// <param name="File">Number of the program's file; null for anonymous memory.</param>
internal sealed record LiveVma(ulong Start, ulong End, string Perm, ulong Offset, int? File)
{
    // A memfd is shown as "/memfd:NAME (deleted)".
    private const string MemfdPrefix = "/memfd:" + LiveExecutor.FilePrefix;

    /// <summary>True if a load is allowed; on x86 what can be written can be read.</summary>
    public bool IsReadable => Perm[0] == 'r' || Perm[1] == 'w';

    /// <summary>Registered modes.</summary>
    public string Modes { get; set; } = "-";

    public static LiveVma Parse(ReadOnlySpan<char> line)
    {
        string[] parts = line.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string[] ends = parts[0].Split('-');
        string? name = parts.Length > 5 ? parts[5] : null;
        int? file = name is not null && name.StartsWith(MemfdPrefix, StringComparison.Ordinal)
            ? int.Parse(name[MemfdPrefix.Length..], CultureInfo.InvariantCulture)
            : null;
        return new LiveVma(Hex(ends[0]), Hex(ends[1]), parts[1], Hex(parts[2]), file);
    }

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
