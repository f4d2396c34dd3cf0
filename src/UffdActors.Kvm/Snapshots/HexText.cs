using System.Globalization;

namespace UffdActors.Kvm.Snapshots;

/// <summary>Words of 64 bits in a document: not every reader of JSON has so large numbers.</summary>
internal static class HexText
{
    /// <summary>A word as text.</summary>
    public static string Of(ulong word) => string.Create(CultureInfo.InvariantCulture, $"0x{word:x16}");

    /// <summary>The word of a text.</summary>
    /// <exception cref="KvmSnapshotException">It is none.</exception>
    public static ulong Read(string text) =>
        text.StartsWith("0x", StringComparison.Ordinal)
        && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong word)
            ? word
            : throw new KvmSnapshotException($"The state of the snapshot is damaged: \"{text}\" is no number in hexadecimal.");
}
