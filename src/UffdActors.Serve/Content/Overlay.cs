using UffdActors.Model.Memory;

namespace UffdActors.Serve.Content;

/// <summary>Pages that one session has instead of those of its snapshot. Read only.</summary>
internal sealed class Overlay : IDisposable
{
    private readonly NativeBuffer _bytes;
    // Ascending; the bytes of each in the same order.
    private readonly long[] _pages;

    /// <param name="parts">The pages.</param>
    /// <param name="pages">Pages of the memory file.</param>
    /// <exception cref="ServeException">A part is not of whole pages of the file, or two overlap.</exception>
    public Overlay(IReadOnlyList<OverlayPages> parts, long pages)
    {
        SortedDictionary<long, ReadOnlyMemory<byte>> all = [];
        foreach (OverlayPages part in parts)
        {
            long first = part.FileOffset >> PageSize.BaseShift;
            int count = part.Bytes.Length >> PageSize.BaseShift;
            if (part.FileOffset % PageSize.Base != 0 || part.Bytes.Length % PageSize.Base != 0 || count == 0)
                throw new ServeException(
                    $"An overlay of {part.Bytes.Length} bytes at byte {part.FileOffset} is not of whole pages of {PageSize.Base} bytes.");
            if (first < 0 || first + count > pages)
                throw new ServeException(
                    $"An overlay of {part.Bytes.Length} bytes at byte {part.FileOffset} reaches beyond the {pages} pages of the "
                        + "memory file.");
            for (int i = 0; i < count; i++)
            {
                if (!all.TryAdd(first + i, part.Bytes.Slice(i << PageSize.BaseShift, PageSize.Base)))
                    throw new ServeException($"The overlay has page {first + i} of the memory file twice.");
            }
        }

        _pages = [.. all.Keys];
        _bytes = new NativeBuffer(Math.Max(1, _pages.LongLength << PageSize.BaseShift));
        for (int i = 0; i < _pages.Length; i++) _bytes.Write((long)i << PageSize.BaseShift, all[_pages[i]].Span);
    }

    /// <summary>Where the bytes of a page are; null if the snapshot has it, and then how many of those that follow it has too.</summary>
    /// <param name="page">Page of the memory file.</param>
    /// <param name="most">The most to count, at least 1.</param>
    public (nint? Address, int Pages) RunAt(long page, int most)
    {
        int at = Array.BinarySearch(_pages, page);
        if (at >= 0) return (_bytes.Address + (nint)((long)at << PageSize.BaseShift), 1);
        at = ~at;
        return (null, at == _pages.Length ? most : (int)Math.Min(most, _pages[at] - page));
    }

    /// <inheritdoc />
    public void Dispose() => _bytes.Dispose();
}
