namespace UffdActors.Serve.WorkingSets;

/// <summary>A set of pages, a bit for each. For one thread at a time.</summary>
/// <param name="pages">Pages that can be in it.</param>
internal sealed class PageSet(long pages)
{
    private const int BitsPerWord = 64;
    private readonly ulong[] _words = new ulong[(pages + BitsPerWord - 1) / BitsPerWord];

    /// <summary>True if a page is in it.</summary>
    public bool Contains(long page) => (_words[page / BitsPerWord] >> (int)(page % BitsPerWord) & 1) != 0;

    /// <summary>Puts a page in.</summary>
    /// <returns>False if it was there.</returns>
    public bool Add(long page)
    {
        ulong bit = 1UL << (int)(page % BitsPerWord);
        ref ulong word = ref _words[page / BitsPerWord];
        if ((word & bit) != 0) return false;
        word |= bit;
        return true;
    }
}
