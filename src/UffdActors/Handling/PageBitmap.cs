using System.Numerics;

namespace UffdActors;

/// <summary>
/// One bit a page. Any thread may test; only the runtime sets and clears, for what it says of pages decides whether closing turns any into
/// zeros. Setting tells whether the bit was clear before.
/// </summary>
public sealed class PageBitmap
{
    private const int BitsPerWord = 64;
    private readonly ulong[] _words;

    /// <summary>Makes a bitmap with no bit set.</summary>
    internal PageBitmap(long pages)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(pages);
        Pages = pages;
        _words = new ulong[(pages + BitsPerWord - 1) / BitsPerWord];
    }

    /// <summary>Pages in the bitmap.</summary>
    public long Pages { get; }

    /// <summary>Bits that are set; counted when asked, for it is asked rarely and setting is on the fault path.</summary>
    public long Count
    {
        get
        {
            long count = 0;
            foreach (ulong word in _words) count += BitOperations.PopCount(word);
            return count;
        }
    }

    /// <summary>True if the page's bit is set.</summary>
    public bool Contains(long page) => (Volatile.Read(ref _words[page / BitsPerWord]) & Bit(page)) != 0;

    /// <summary>
    /// Copies the bits, page 0 in the lowest of the first word: what two looks have that differ is found 64 pages at a time.
    /// </summary>
    /// <param name="words">At least a word for each 64 pages, or the part of one.</param>
    /// <exception cref="ArgumentException">There is no room for that.</exception>
    public void CopyTo(Span<ulong> words)
    {
        if (words.Length < _words.Length)
            throw new ArgumentException($"{_words.Length} words are needed for {Pages} pages, not {words.Length}.", nameof(words));
        for (int i = 0; i < _words.Length; i++) words[i] = Volatile.Read(ref _words[i]);
    }

    /// <summary>Sets a page's bit.</summary>
    /// <returns>True if it was clear, and this call has set it.</returns>
    internal bool Set(long page) => (Interlocked.Or(ref _words[page / BitsPerWord], Bit(page)) & Bit(page)) == 0;

    /// <summary>Sets the bits of a range.</summary>
    internal void Set(long page, long count)
    {
        for (long end = page + count; page < end;)
        {
            ulong bits = BitsFrom(page, end, out long taken);
            _ = Interlocked.Or(ref _words[page / BitsPerWord], bits);
            page += taken;
        }
    }

    /// <summary>Clears a page's bit.</summary>
    internal void Clear(long page) => _ = Interlocked.And(ref _words[page / BitsPerWord], ~Bit(page));

    /// <summary>Clears the bits of a range.</summary>
    internal void Clear(long page, long count)
    {
        for (long end = page + count; page < end;)
        {
            ulong bits = BitsFrom(page, end, out long taken);
            _ = Interlocked.And(ref _words[page / BitsPerWord], ~bits);
            page += taken;
        }
    }

    /// <summary>Clears every bit. Not at the same time as anything else.</summary>
    internal void ClearAll() => Array.Clear(_words);

    /// <summary>The first page at or behind <paramref name="page"/> whose bit is clear; <see cref="Pages"/> if there is none.</summary>
    public long NextClear(long page)
    {
        while (page < Pages)
        {
            ulong clear = ~Volatile.Read(ref _words[page / BitsPerWord]) >> (int)(page % BitsPerWord);
            if (clear != 0) return Math.Min(Pages, page + BitOperations.TrailingZeroCount(clear));
            page = ((page / BitsPerWord) + 1) * BitsPerWord;
        }

        return Pages;
    }

    /// <summary>The first page at or behind <paramref name="page"/> whose bit is set; <see cref="Pages"/> if there is none.</summary>
    internal long NextSet(long page)
    {
        while (page < Pages)
        {
            ulong set = Volatile.Read(ref _words[page / BitsPerWord]) >> (int)(page % BitsPerWord);
            if (set != 0) return Math.Min(Pages, page + BitOperations.TrailingZeroCount(set));
            page = ((page / BitsPerWord) + 1) * BitsPerWord;
        }

        return Pages;
    }

    /// <summary>The last page at or before <paramref name="page"/> whose bit is clear; -1 if there is none.</summary>
    internal long PreviousClear(long page)
    {
        while (page >= 0)
        {
            int unused = BitsPerWord - 1 - (int)(page % BitsPerWord);
            ulong clear = ~Volatile.Read(ref _words[page / BitsPerWord]) << unused;
            if (clear != 0) return page - BitOperations.LeadingZeroCount(clear);
            page = (page / BitsPerWord * BitsPerWord) - 1;
        }

        return -1;
    }

    /// <summary>Pages whose bit is clear here and in another bitmap.</summary>
    internal long CountNeither(PageBitmap? other)
    {
        if (other is null) return Pages - Count;
        long either = 0;
        for (int i = 0; i < _words.Length; i++)
            either += BitOperations.PopCount(Volatile.Read(ref _words[i]) | Volatile.Read(ref other._words[i]));
        return Pages - either;
    }

    // The part of a range that lies in the word of its first page.
    private static ulong BitsFrom(long page, long end, out long taken)
    {
        int bit = (int)(page % BitsPerWord);
        taken = Math.Min(BitsPerWord - bit, end - page);
        return ulong.MaxValue >> (int)(BitsPerWord - taken) << bit;
    }

    private static ulong Bit(long page) => 1UL << (int)(page % BitsPerWord);
}
