using System.Runtime.CompilerServices;

namespace UffdActors.Model.Mapping;

/// <summary>
/// One page-table entry: code (3 bits), write protection by userfaultfd (1), shared by fork (1), swapped out (1), and the folio number
/// or stamp above. As a word it fits 32 bits, and 16 where the content is a stamp.
/// </summary>
/// <remarks>
/// SEMANTICS 4.1. Whether a write may go ahead follows from kind, mapping and protection, but for a page that is writable although it has
/// the bit (SEMANTICS 4.6.3): two codes of their own say so. Codes 1 to 5 are pages, which is one comparison.
/// </remarks>
internal readonly record struct Entry(uint Word)
{
    private const uint CodeMask = 7;
    private const uint WritableCodes = 4;
    private const uint CodeStep = 2;
    private const uint Pages = 5;
    private const uint WpBit = 1 << 3;
    private const uint SharedBit = 1 << 4;
    private const uint SwapBit = 1 << 5;
    private const int FolioShift = 6;

    /// <summary>An empty entry.</summary>
    public static Entry None => default;

    /// <summary>The zero page.</summary>
    public static Entry Zero => new((uint)EntryKind.Zero);

    /// <summary>A write-protection marker.</summary>
    public static Entry WpMarker => new((uint)EntryKind.WpMarker + CodeStep);

    /// <summary>A poison marker.</summary>
    public static Entry Poison => new((uint)EntryKind.Poison + CodeStep);

    /// <summary>A page of the cache.</summary>
    public static Entry File(uint folio) => new((uint)EntryKind.File | (folio << FolioShift));

    /// <summary>A private page.</summary>
    public static Entry Anon(uint folio) => new((uint)EntryKind.Anon | (folio << FolioShift));

    /// <summary>What the entry is.</summary>
    public EntryKind Kind => (EntryKind)((Word & CodeMask) - ((Word & WritableCodes) >> 1));

    /// <summary>The folio or stamp of an entry that holds a page.</summary>
    public uint Folio => Word >> FolioShift;

    /// <summary>True if a read finds data.</summary>
    public bool IsPresent
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (Word & (CodeMask | SwapBit)) - 1 < Pages;
    }

    /// <summary>True for a private page that is in swap: the next access swaps it in.</summary>
    public bool IsSwapped => (Word & SwapBit) != 0;

    /// <summary>True if the entry holds a page, present or swapped out, so that no fill may replace it.</summary>
    public bool HoldsPage => (Word & CodeMask) - 1 < Pages;

    /// <summary>True for a page, present or swapped out, that userfaultfd write-protects.</summary>
    public bool IsWp => (Word & WpBit) != 0;

    /// <summary>
    /// True for a page that has the bit and may be written all the same: it became writable while no W was registered (SEMANTICS 4.6.3).
    /// </summary>
    public bool IsWritableWp => (Word & CodeMask) - WritableCodes < 2;

    /// <summary>True for a page, present or swapped out, that a write does not get past while W is registered.</summary>
    public bool StopsWrites => IsWp && !IsWritableWp;

    /// <summary>True for a private page that fork has shared and that no write has made exclusive since.</summary>
    public bool IsShared => (Word & SharedBit) != 0;

    /// <summary>The same entry with the write-protection bit set or clear. A page that gets the bit is not writable.</summary>
    public Entry WithWp(bool wp) => new(wp ? Unwritable | WpBit : Unwritable & ~WpBit);

    /// <summary>The same page of a file, or private page, with the bit and writable all the same.</summary>
    public Entry WithWritableWp() => new((Unwritable | WpBit) + CodeStep);

    /// <summary>The same entry marked as shared or exclusive. A shared page is not writable.</summary>
    public Entry WithShared(bool shared) => new(shared ? Unwritable | SharedBit : Word & ~SharedBit);

    /// <summary>The same private page, swapped out or in; write protection, sharing and content stay.</summary>
    public Entry WithSwapped(bool swapped) => new(swapped ? Unwritable | SwapBit : Word & ~SwapBit);

    private uint Unwritable => IsWritableWp ? Word - CodeStep : Word;
}
