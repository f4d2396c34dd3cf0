using System.Runtime.InteropServices;

namespace UffdActors.Linux.Memory;

/// <summary>A range of written pages (<c>struct page_region</c>).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct DirtyRange
{
    private readonly ulong _start;
    private readonly ulong _end;
    private readonly ulong _categories;

    /// <summary>First address.</summary>
    public ulong Start => _start;

    /// <summary>First address behind.</summary>
    public ulong End => _end;

    /// <summary>What the kernel says of it: PAGE_IS_WRITTEN.</summary>
    public ulong Categories => _categories;
}
