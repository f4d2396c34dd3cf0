using System.Globalization;
using System.Text.Json;
using UffdActors.Model.Memory;

namespace UffdActors.Serve.Dialects;

/// <summary>Reads the layout of a guest out of JSON, and checks that it can be one.</summary>
internal static class LayoutReader
{
    private const int MostRegions = 1024;

    /// <summary>Parses JSON; what is none is refused.</summary>
    public static JsonDocument Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonDocument.Parse(json.ToArray(), new JsonDocumentOptions { MaxDepth = 8 });
        }
        catch (JsonException e)
        {
            throw new HandOverException($"The first message is no JSON that a VMM writes: {Sentence(e.Message)}.", e);
        }
    }

    /// <summary>A field that has to be there.</summary>
    public static ulong Required(JsonElement region, int number, string name) =>
        Optional(region, number, name) ?? throw new HandOverException($"Region {number} of the layout has no {name}.");

    /// <summary>A field that may be there.</summary>
    public static ulong? Optional(JsonElement region, int number, string name)
    {
        if (!region.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null) return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetUInt64(out ulong found)) return found;
        throw new HandOverException($"Region {number} of the layout has a {name} that is no unsigned number of 64 bits.");
    }

    /// <summary>The regions of a JSON array.</summary>
    /// <param name="array">The array.</param>
    /// <param name="read">Reads one, given its number.</param>
    /// <exception cref="HandOverException">They cannot be a guest's memory.</exception>
    public static IReadOnlyList<HandedRegion> Regions(JsonElement array, Func<JsonElement, int, HandedRegion> read)
    {
        ThrowIfCountIsWrong(array.GetArrayLength());
        List<HandedRegion> regions = [];
        foreach (JsonElement element in array.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Object)
                throw new HandOverException($"Region {regions.Count} of the layout is no object with fields.");
            regions.Add(read(element, regions.Count));
        }

        return Layout(regions);
    }

    /// <summary>Regions together.</summary>
    /// <exception cref="HandOverException">They are none, too many, or overlap.</exception>
    public static IReadOnlyList<HandedRegion> Layout(IReadOnlyList<HandedRegion> regions)
    {
        ThrowIfCountIsWrong(regions.Count);
        (int Number, HandedRegion Region)[] byAddress = [.. regions.Index().OrderBy(r => r.Item.Address)];
        for (int i = 1; i < byAddress.Length; i++)
        {
            if (byAddress[i].Region.Address < byAddress[i - 1].Region.End)
                throw new HandOverException(
                    $"Regions {byAddress[i - 1].Number} and {byAddress[i].Number} of the layout overlap at "
                        + $"0x{byAddress[i].Region.Address:x}.");
        }

        return regions;
    }

    /// <summary>Makes a region of numbers that a VMM has sent.</summary>
    /// <exception cref="HandOverException">They cannot be those of one.</exception>
    public static HandedRegion Region(int number, ulong address, ulong bytes, ulong offset, ulong pageBytes)
    {
        if (pageBytes == PageSize.Giant)
            throw Wrong(
                number,
                $"has pages of {pageBytes} bytes (1 GiB), which are not served: each would be one fill of 1 GiB, for which its thread "
                    + $"waits; use pages of {PageSize.Huge}");
        if (pageBytes is not (PageSize.Base or PageSize.Huge))
            throw Wrong(
                number,
                $"has pages of {pageBytes} bytes; {PageSize.Base} and {PageSize.Huge} are served (page_size, else "
                    + "page_size_kib, in bytes)");
        if (bytes == 0) throw Wrong(number, "has no bytes");
        if (bytes % pageBytes != 0) throw Wrong(number, $"has {bytes} bytes, which are no whole pages of {pageBytes}");
        if (address % pageBytes != 0)
            throw Wrong(number, $"begins at 0x{address:x}, which is not aligned to its pages of {pageBytes} bytes");
        if (address >= PageSize.TaskSize || bytes > PageSize.TaskSize - address)
            throw Wrong(number, $"reaches from 0x{address:x} over {bytes} bytes, beyond the addresses that a process has");
        if (offset % PageSize.Base != 0 || offset > long.MaxValue - bytes)
            throw Wrong(number, $"begins at byte {offset} of the memory file, which is no page of a file");
        return new HandedRegion(address, (long)bytes, (long)offset, (int)pageBytes);
    }

    private static void ThrowIfCountIsWrong(int count)
    {
        if (count == 0) throw new HandOverException("The layout has no region; a guest has at least one.");
        if (count > MostRegions) throw new HandOverException($"The layout has {count} regions; {MostRegions} are the limit.");
    }

    private static HandOverException Wrong(int number, string what) =>
        new(string.Create(CultureInfo.InvariantCulture, $"Region {number} of the layout {what}."));

    /// <summary>Text of a VMM as it can be shown to people, whatever it is made of.</summary>
    public static string Shown(string text)
    {
        const int Longest = 80;
        string line = string.Concat(text.Take(Longest).Select(c => c is >= ' ' and <= '~' ? c : '?'));
        return text.Length <= Longest ? line : line + "...";
    }

    // What the parser says ends with where it was; that is of no use to people.
    private static string Sentence(string message)
    {
        int where = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        string what = Shown((where < 0 ? message : message[..where]).TrimEnd('.', ' '));
        return char.ToLowerInvariant(what[0]) + what[1..];
    }
}
