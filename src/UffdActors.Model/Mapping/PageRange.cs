using UffdActors.Model.Memory;

namespace UffdActors.Model.Mapping;

/// <summary>A range of base pages, [<paramref name="Start"/>, <paramref name="End"/>).</summary>
/// <param name="Start">First page.</param>
/// <param name="End">First page behind the range.</param>
public readonly record struct PageRange(long Start, long End)
{
    /// <summary>Pages in the range.</summary>
    public long Count => End - Start;

    /// <summary>True if no page is in the range.</summary>
    public bool IsEmpty => End <= Start;

    /// <summary>The pages that an aligned address range covers.</summary>
    public static PageRange OfBytes(ulong start, ulong length) => new(PageSize.PageOf(start), PageSize.PageOf(start + length));

    /// <summary>True if the page is in the range.</summary>
    public bool Contains(long page) => page >= Start && page < End;

    /// <summary>True if every page of the other range is in this one.</summary>
    public bool Contains(PageRange other) => other.Start >= Start && other.End <= End;

    /// <summary>True if a page is in both.</summary>
    public bool Intersects(PageRange other) => Start < other.End && other.Start < End;

    /// <summary>The pages that are in both; may be empty.</summary>
    public PageRange Intersect(PageRange other) => new(Math.Max(Start, other.Start), Math.Min(End, other.End));

    /// <inheritdoc />
    public override string ToString() => $"[{Start:x},{End:x})";
}
