using System.Globalization;
using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>
/// Tells whether native memory of this process can be read, without touching it: from <c>/proc/self/maps</c>, kept, and read anew when an
/// address is not in it. Memory that has been unmapped since it was read is found out only after <see cref="Forget"/>. Any thread.
/// </summary>
internal sealed class ReadableMemory
{
    // The kernel maps nothing below vm.mmap_min_addr, so an address there is a mistake.
    private const ulong Lowest = PageSize.Base;

    private volatile Mapping[] _mappings = [];
    private int _latest;

    /// <summary>True if every byte can be read.</summary>
    /// <param name="address">First byte.</param>
    /// <param name="bytes">How many; at least 1.</param>
    public bool IsReadable(nint address, long bytes)
    {
        ulong start = (ulong)address;
        ulong end = start + (ulong)bytes;
        if (start < Lowest || end <= start) return false;
        Mapping[] mappings = _mappings;
        // An image is read through the same mapping again and again.
        int latest = _latest;
        if (latest < mappings.Length && start >= mappings[latest].Start && end <= mappings[latest].End) return true;
        if (Find(mappings, start, end)) return true;
        mappings = Read();
        _mappings = mappings;
        return Find(mappings, start, end);
    }

    /// <summary>What was read may be old: it is read anew with the next question.</summary>
    public void Forget() => _mappings = [];

    /// <summary>The readable mappings, ascending, with those that touch joined.</summary>
    private static Mapping[] Read()
    {
        List<Mapping> mappings = [];
        string[] lines;
        try
        {
            lines = File.ReadAllLines("/proc/self/maps");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No way to tell: then every address but the null page is taken as readable.
            return [new Mapping(Lowest, ulong.MaxValue)];
        }

        foreach (string line in lines)
        {
            ReadOnlySpan<char> text = line;
            int dash = text.IndexOf('-');
            int space = text.IndexOf(' ');
            if (dash < 0 || space < dash || text[space + 1] != 'r') continue;
            ulong start = ulong.Parse(text[..dash], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            ulong end = ulong.Parse(text[(dash + 1)..space], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (mappings.Count > 0 && mappings[^1].End == start) mappings[^1] = mappings[^1] with { End = end };
            else mappings.Add(new Mapping(start, end));
        }

        return [.. mappings];
    }

    private bool Find(Mapping[] mappings, ulong start, ulong end)
    {
        int low = 0;
        int high = mappings.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            if (end <= mappings[middle].Start) high = middle - 1;
            else if (start >= mappings[middle].End) low = middle + 1;
            else
            {
                _latest = middle;
                return start >= mappings[middle].Start && end <= mappings[middle].End;
            }
        }

        return false;
    }

    /// <summary>Bytes from start up to but not including end.</summary>
    private readonly record struct Mapping(ulong Start, ulong End);
}
