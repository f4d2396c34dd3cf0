using System.Runtime.CompilerServices;

namespace UffdActors.Model.Memory;

/// <summary>
/// A sparse array of small words indexed by page number: the page table of an address space, or the page cache of a file.
/// </summary>
/// <remarks>
/// <para>
/// A radix tree like the hardware's, in native memory, so that the bookkeeping of a terabyte is no work for the garbage collector. A leaf
/// of 512 pages whose words are all equal is one tagged word in its parent (an <em>extent</em>) until one of them changes.
/// Words are 16 or 32 bits wide; absent words read as 0. Whether a leaf is there can be asked, even when all its words are 0.
/// </para>
/// <para>
/// Threads: reading is safe at any time without a lock. Every word has one writer at a time (its VMA's owner, or for a cache slot
/// the thread whose <see cref="CompareExchange"/> succeeds); neighbouring words may be written by other threads at the same time.
/// Memory is freed on <see cref="Dispose"/> only, so that a late reader never reads a freed leaf: a dropped leaf is kept, out of use (its
/// slot is negative), until something is written there again.
/// </para>
/// </remarks>
internal sealed unsafe class WordTable : IDisposable
{
    /// <summary>log2 of the words in a leaf: as many pages as one page-table page maps.</summary>
    internal const int LeafBits = 9;
    private const int NodeBits = 8;
    private const int RootBits = 10;
    private const int LeafLength = 1 << LeafBits;

    /// <summary>Words that the table can address: 47 bits of memory in base pages.</summary>
    public const long Length = 1L << (RootBits + NodeBits + NodeBits + LeafBits);

    private readonly NativeArena _arena = new();
    private readonly nint* _root;
    private readonly bool _wide;
    private int _lastRoot = -1;

    /// <summary>Makes an empty table.</summary>
    /// <param name="wide">True for 32-bit words, false for 16-bit words.</param>
    public WordTable(bool wide)
    {
        _wide = wide;
        _root = (nint*)_arena.AllocateZeroed(sizeof(nint) << RootBits);
    }

    /// <summary>Native bytes that the table holds.</summary>
    public long AllocatedBytes => _arena.AllocatedBytes;

    /// <summary>The word of a page.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Get(long index)
    {
        nint slot = ReadSlot(index);
        if ((slot & 1) != 0) return WordOf(slot);
        if (slot == 0) return 0;
        int at = (int)index & (LeafLength - 1);
        return _wide ? Volatile.Read(ref ((uint*)slot)[at]) : Volatile.Read(ref ((ushort*)slot)[at]);
    }

    /// <summary>Publishes the word of a page: what was written before is visible to a thread that reads the word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Set(long index, uint word)
    {
        nint slot = ReadSlot(index);
        if (slot == 0 || (slot & 1) != 0)
        {
            if (WordOf(slot) == word) return;
            slot = Materialize(index);
        }

        int at = (int)index & (LeafLength - 1);
        if (_wide) Volatile.Write(ref ((uint*)slot)[at], word);
        else Volatile.Write(ref ((ushort*)slot)[at], (ushort)word);
    }

    /// <summary>Writes <paramref name="word"/> if the page's word is still <paramref name="expected"/>; returns what was there.</summary>
    public uint CompareExchange(long index, uint word, uint expected)
    {
        nint slot = ReadSlot(index);
        if (slot == 0 || (slot & 1) != 0) slot = Materialize(index);
        int at = (int)index & (LeafLength - 1);
        return _wide
            ? Interlocked.CompareExchange(ref ((uint*)slot)[at], word, expected)
            : Interlocked.CompareExchange(ref ((ushort*)slot)[at], (ushort)word, (ushort)expected);
    }

    /// <summary>
    /// The word at <paramref name="index"/> and how many words from there on, at most up to <paramref name="limit"/>, are known at
    /// once to be the same. Walking a range by runs takes time in its extents and holes, not in its pages.
    /// </summary>
    public uint Run(long index, long limit, out long length)
    {
        int root = RootIndex(index);
        if (root > Volatile.Read(ref _lastRoot))
        {
            // Nothing was ever written from here on: most tables use the first of their thousand roots only.
            length = limit - index;
            return 0;
        }

        nint* level1 = (nint*)Volatile.Read(ref _root[root]);
        if (level1 == null) return Span(index, limit, LeafBits + NodeBits + NodeBits, out length);
        nint* level2 = (nint*)Volatile.Read(ref level1[Level1Index(index)]);
        if (level2 == null) return Span(index, limit, LeafBits + NodeBits, out length);
        nint slot = Volatile.Read(ref level2[Level2Index(index)]);
        if (slot != 0 && (slot & 1) == 0)
        {
            length = 1;
            return Get(index);
        }

        _ = Span(index, limit, LeafBits, out length);
        return WordOf(slot);
    }

    /// <summary>True if the leaf of a page is there, as an extent or with words of its own.</summary>
    internal bool HasLeaf(long index) => ReadSlot(index) > 0;

    /// <summary>Makes the leaf of a page, with words of 0, where there is none.</summary>
    internal void AddLeaf(long index)
    {
        ref nint slot = ref SlotFor(index);
        nint seen = Volatile.Read(ref slot);
        if (seen < 0) _ = Materialize(index);
        else if (seen == 0) _ = Interlocked.CompareExchange(ref slot, Extent(0), 0);
    }

    /// <summary>Removes the leaves of a range; their words must be 0, and both ends must be leaf boundaries.</summary>
    internal void DropLeaves(long start, long end)
    {
        for (long index = start; index < end && RootIndex(index) <= Volatile.Read(ref _lastRoot); index += LeafLength)
        {
            nint* level1 = (nint*)Volatile.Read(ref _root[RootIndex(index)]);
            nint* level2 = level1 == null ? null : (nint*)Volatile.Read(ref level1[Level1Index(index)]);
            if (level2 == null)
            {
                // Skip to the last leaf that the missing node would hold.
                index |= (1L << ((level1 == null ? NodeBits : 0) + NodeBits + LeafBits)) - LeafLength;
                continue;
            }

            ref nint slot = ref level2[Level2Index(index)];
            nint seen = Volatile.Read(ref slot);
            if (seen > 0) Volatile.Write(ref slot, (seen & 1) != 0 ? 0 : seen | 1 | nint.MinValue);
        }
    }

    /// <summary>Writes one word to a whole range; leaves that are covered entirely and hold nothing else become extents.</summary>
    /// <remarks>The caller must be the only writer of every word in the range.</remarks>
    public void Fill(long start, long count, uint word)
    {
        long end = start + count;
        for (long index = start; index < end;)
        {
            long next = Math.Min(end, (index | (LeafLength - 1)) + 1);
            if (next - index < LeafLength || !TrySetExtent(index, word))
            {
                for (; index < next; index++) Set(index, word);
            }

            index = next;
        }
    }

    /// <summary>Gives the native memory back.</summary>
    public void Dispose() => _arena.Dispose();

    private bool TrySetExtent(long index, uint word)
    {
        if (word == 0 && ReadSlot(index) <= 0) return true;
        ref nint slot = ref SlotFor(index);
        nint seen = Volatile.Read(ref slot);
        if (seen != 0 && ((seen & 1) == 0 || seen < 0)) return false;
        return Interlocked.CompareExchange(ref slot, Extent(word), seen) == seen;
    }

    private nint Materialize(long index)
    {
        ref nint slot = ref SlotFor(index);
        while (true)
        {
            nint seen = Volatile.Read(ref slot);
            if (seen != 0 && (seen & 1) == 0) return seen;
            if (seen < 0)
            {
                nint kept = seen & ~1 & nint.MaxValue;
                if (Interlocked.CompareExchange(ref slot, kept, seen) == seen) return kept;
                continue;
            }

            nint leaf = _arena.AllocateZeroed(_wide ? LeafLength * sizeof(uint) : LeafLength * sizeof(ushort));
            if (seen != 0)
            {
                uint word = WordOf(seen);
                if (_wide) new Span<uint>((void*)leaf, LeafLength).Fill(word);
                else new Span<ushort>((void*)leaf, LeafLength).Fill((ushort)word);
            }

            // If another thread added the leaf first, this one stays unused in the arena; that is rare.
            if (Interlocked.CompareExchange(ref slot, leaf, seen) == seen) return leaf;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private nint ReadSlot(long index)
    {
        nint* level1 = (nint*)Volatile.Read(ref _root[RootIndex(index)]);
        if (level1 == null) return 0;
        nint* level2 = (nint*)Volatile.Read(ref level1[Level1Index(index)]);
        return level2 == null ? 0 : Volatile.Read(ref level2[Level2Index(index)]);
    }

    private ref nint SlotFor(long index)
    {
        int root = RootIndex(index);
        for (int last = Volatile.Read(ref _lastRoot); root > last;)
        {
            int seen = Interlocked.CompareExchange(ref _lastRoot, root, last);
            if (seen == last) break;
            last = seen;
        }

        nint* level1 = Child(ref _root[root]);
        nint* level2 = Child(ref level1[Level1Index(index)]);
        return ref level2[Level2Index(index)];
    }

    private nint* Child(ref nint slot)
    {
        nint seen = Volatile.Read(ref slot);
        if (seen != 0) return (nint*)seen;
        nint node = _arena.AllocateZeroed(sizeof(nint) << NodeBits);
        nint winner = Interlocked.CompareExchange(ref slot, node, 0);
        return (nint*)(winner == 0 ? node : winner);
    }

    private static nint Extent(uint word) => (nint)(((ulong)word << 1) | 1);

    // The word of a slot that holds no leaf: none, an extent's, or that of a leaf out of use.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint WordOf(nint slot) => slot < 0 ? 0 : (uint)((ulong)slot >> 1);

    private static uint Span(long index, long limit, int bits, out long length)
    {
        length = Math.Min(limit, ((index >> bits) + 1) << bits) - index;
        return 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int RootIndex(long index) => (int)(index >> (LeafBits + NodeBits + NodeBits)) & ((1 << RootBits) - 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Level1Index(long index) => (int)(index >> (LeafBits + NodeBits)) & ((1 << NodeBits) - 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Level2Index(long index) => (int)(index >> LeafBits) & ((1 << NodeBits) - 1);
}
