using System.Runtime.CompilerServices;

namespace UffdActors.Model.Mapping;

/// <summary>
/// One page-table entry: kind (3 bits), write protection by userfaultfd (1), shared by fork (1), swapped out (1), and the folio number
/// or stamp above. As a word it fits 32 bits, and 16 where the content is a stamp.
/// </summary>
/// <remarks>SEMANTICS 4.1. Whether a write may go ahead follows from kind and mapping, so there is no writable bit.</remarks>
internal readonly record struct Entry(uint Word)
{
    private const uint KindMask = 7;
    private const uint WpBit = 1 << 3;
    private const uint SharedBit = 1 << 4;
    private const uint SwapBit = 1 << 5;
    private const int FolioShift = 6;

    /// <summary>An empty entry.</summary>
    public static Entry None => default;

    /// <summary>The zero page.</summary>
    public static Entry Zero => new((uint)EntryKind.Zero);

    /// <summary>A write-protection marker.</summary>
    public static Entry WpMarker => new((uint)EntryKind.WpMarker);

    /// <summary>A poison marker.</summary>
    public static Entry Poison => new((uint)EntryKind.Poison);

    /// <summary>A page of the cache.</summary>
    public static Entry File(uint folio) => new((uint)EntryKind.File | (folio << FolioShift));

    /// <summary>A private page.</summary>
    public static Entry Anon(uint folio) => new((uint)EntryKind.Anon | (folio << FolioShift));

    /// <summary>What the entry is.</summary>
    public EntryKind Kind => (EntryKind)(Word & KindMask);

    /// <summary>The folio or stamp of an entry that holds a page.</summary>
    public uint Folio => Word >> FolioShift;

    /// <summary>True if a read finds data.</summary>
    public bool IsPresent
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (Word & (KindMask | SwapBit)) - 1 < 3;
    }

    /// <summary>True for a private page that is in swap: the next access swaps it in.</summary>
    public bool IsSwapped => (Word & SwapBit) != 0;

    /// <summary>True if the entry holds a page, present or swapped out, so that no fill may replace it.</summary>
    public bool HoldsPage => (Word & KindMask) - 1 < 3;

    /// <summary>True for a page, present or swapped out, that userfaultfd write-protects.</summary>
    public bool IsWp => (Word & WpBit) != 0;

    /// <summary>True for a private page that fork has shared and that no write has made exclusive since.</summary>
    public bool IsShared => (Word & SharedBit) != 0;

    /// <summary>The same entry with the write-protection bit set or clear.</summary>
    public Entry WithWp(bool wp) => new(wp ? Word | WpBit : Word & ~WpBit);

    /// <summary>The same entry marked as shared or exclusive.</summary>
    public Entry WithShared(bool shared) => new(shared ? Word | SharedBit : Word & ~SharedBit);

    /// <summary>The same private page, swapped out or in; write protection, sharing and content stay.</summary>
    public Entry WithSwapped(bool swapped) => new(swapped ? Word | SwapBit : Word & ~SwapBit);
}
