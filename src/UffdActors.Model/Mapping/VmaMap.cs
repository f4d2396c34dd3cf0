using System.Runtime.CompilerServices;

namespace UffdActors.Model.Mapping;

/// <summary>The VMAs of an address space in address order. Immutable: a change makes a new map and publishes it.</summary>
internal sealed class VmaMap
{
    private readonly Vma[] _vmas;
    private readonly long[] _ends;

    private VmaMap(Vma[] vmas)
    {
        _vmas = vmas;
        _ends = new long[vmas.Length];
        for (int i = 0; i < vmas.Length; i++) _ends[i] = vmas[i].Range.End;
    }

    /// <summary>A map without VMAs.</summary>
    public static VmaMap Empty { get; } = new([]);

    /// <summary>All VMAs in address order.</summary>
    public ReadOnlySpan<Vma> Vmas => _vmas;

    /// <summary>Makes a map.</summary>
    /// <exception cref="ArgumentException">The VMAs overlap or are out of order.</exception>
    public static VmaMap Of(IEnumerable<Vma> vmas)
    {
        Vma[] array = [.. vmas];
        for (int i = 0; i < array.Length; i++)
        {
            if (array[i].Range.IsEmpty || (i > 0 && array[i - 1].Range.End > array[i].Range.Start))
                throw new ArgumentException($"VMA {array[i].Range} is empty or not behind its neighbour.", nameof(vmas));
        }

        return new VmaMap(array);
    }

    /// <summary>The VMA that holds a page, or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vma? Find(long page)
    {
        int i = IndexBehind(page);
        Vma[] vmas = _vmas;
        if ((uint)i >= (uint)vmas.Length) return null;
        Vma vma = vmas[i];
        return page >= vma.Range.Start ? vma : null;
    }

    /// <summary>Index of the first VMA that ends behind a page; the number of VMAs if there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int IndexBehind(long page)
    {
        long[] ends = _ends;
        return ends.Length > 0 && ends[0] > page ? 0 : Search(ends, page);
    }

    private static int Search(long[] ends, long page)
    {
        int low = 0;
        int high = ends.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (ends[middle] <= page) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    /// <summary>The VMAs that a range meets, in address order.</summary>
    public ReadOnlySpan<Vma> In(PageRange range)
    {
        int first = IndexBehind(range.Start);
        int last = first;
        while (last < _vmas.Length && _vmas[last].Range.Start < range.End) last++;
        return _vmas.AsSpan(first, last - first);
    }

    /// <summary>A map in which the VMAs that meet <paramref name="range"/> are replaced by others.</summary>
    internal VmaMap Replace(PageRange range, List<Vma> by)
    {
        int first = IndexBehind(range.Start);
        int last = first;
        while (last < _vmas.Length && _vmas[last].Range.Start < range.End) last++;
        var result = new Vma[_vmas.Length - (last - first) + by.Count];
        Array.Copy(_vmas, result, first);
        by.CopyTo(result, first);
        Array.Copy(_vmas, last, result, first + by.Count, _vmas.Length - last);
        return new VmaMap(result);
    }
}
