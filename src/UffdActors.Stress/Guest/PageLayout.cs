using System.Buffers.Binary;
using UffdActors.Model.Memory;

namespace UffdActors.Stress.Guest;

/// <summary>
/// Layout of a page of the guest: a lock, a counter in three places, a lane for each vCPU, and a pattern that identifies the page. A page
/// of zeros was given back, and its lock is free.
/// </summary>
internal static class PageLayout
{
    /// <summary>vCPUs that a page has lanes for.</summary>
    public const int MaxVcpus = 64;

    /// <summary>The lock: a mutex of the C library on the kernel, a word in the model. Zero is free.</summary>
    public const int Lock = 0;

    /// <summary>The counter. It is written three times, so that a torn page is detected.</summary>
    public const int Head = 64;

    /// <summary>Copy of the counter in the middle.</summary>
    public const int Middle = PageSize.Base / 2;

    /// <summary>Copy of the counter at the end.</summary>
    public const int Tail = PageSize.Base - Word;

    private const int Word = sizeof(ulong);
    private const int FirstLane = 512;
    private const int FirstPattern = 1024;

    /// <summary>Offset of a vCPU's lane: its own increments of this page.</summary>
    public static int LaneOf(int vcpu) => FirstLane + (vcpu * Word);

    /// <summary>Offset of one of the words that are never written.</summary>
    public static int PatternAt(ulong draw)
    {
        int offset = FirstPattern + ((int)(draw % ((PageSize.Base - FirstPattern) / Word)) * Word);
        return offset is Middle or Tail ? offset - Word : offset;
    }

    /// <summary>The word at an offset of a page that is never written.</summary>
    public static ulong PatternOf(long page, int offset)
    {
        ulong state = ((ulong)page << 12) | (uint)offset;
        // Never zero, so that a page of zeros is not mistaken for it.
        return SplitMix.Next(ref state) | 1;
    }

    /// <summary>Writes a page as it must be while its lock is free.</summary>
    /// <param name="page">Page.</param>
    /// <param name="isBare">Without its pattern.</param>
    /// <param name="count">Counter.</param>
    /// <param name="lanes">A word for each vCPU.</param>
    /// <param name="bytes">The page.</param>
    public static void Write(long page, bool isBare, ulong count, ReadOnlySpan<ulong> lanes, Span<byte> bytes)
    {
        bytes.Clear();
        if (!isBare)
        {
            for (int offset = FirstPattern; offset < PageSize.Base; offset += Word) Put(bytes, offset, PatternOf(page, offset));
        }

        foreach (int offset in (ReadOnlySpan<int>)[Head, Middle, Tail]) Put(bytes, offset, count);
        for (int vcpu = 0; vcpu < lanes.Length; vcpu++) Put(bytes, LaneOf(vcpu), lanes[vcpu]);
    }

    /// <summary>The field at an offset, in words.</summary>
    public static string NameOf(int offset) => offset switch
    {
        < Head => "the lock",
        Head => "the counter",
        Middle => "the counter's copy in the middle",
        Tail => "the counter's copy at the end",
        >= FirstLane and < FirstPattern => $"lane {(offset - FirstLane) / Word}",
        >= FirstPattern => $"the pattern at offset {offset}",
        _ => $"offset {offset}",
    };

    private static void Put(Span<byte> bytes, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(bytes[offset..], value);
}
