using System.Runtime.InteropServices;

namespace UffdActors.Serve.Tests;

/// <summary>
/// A memory file as the VMMs in C expect it: pages 8 to 11 of each 16 are a hole, the others tell page and place in each word.
/// </summary>
internal static class SnapshotFile
{
    private const int PageBytes = 4096;

    public static void Write(string path, long pages) => Write(path, pages, page => IsHole(page) ? PageKind.Hole : PageKind.Right);

    /// <summary>Writes a file whose pages are what the VMMs expect, or something else, or not stored.</summary>
    public static void Write(string path, long pages, Func<long, PageKind> kind)
    {
        using FileStream file = File.Create(path);
        file.SetLength(pages * PageBytes);
        for (long page = 0; page < pages; page++)
        {
            if (kind(page) == PageKind.Hole) continue;
            file.Position = page * PageBytes;
            file.Write(kind(page) == PageKind.Right ? PageOf(page) : PageOf(page + (16 * pages)));
        }
    }

    /// <summary>What the VMMs expect of a page.</summary>
    public static byte[] PageOf(long page)
    {
        ulong[] words = new ulong[PageBytes / sizeof(ulong)];
        for (int i = 0; i < words.Length && !IsHole(page); i++) words[i] = Word((ulong)page, (ulong)i);
        return MemoryMarshal.AsBytes<ulong>(words).ToArray();
    }

    private static bool IsHole(long page) => page % 16 is >= 8 and < 12;

    private static ulong Word(ulong page, ulong word)
    {
        ulong x = (page * (PageBytes / sizeof(ulong))) + word + 0x9e3779b97f4a7c15;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        return x ^ (x >> 31);
    }
}
