using System.Runtime.InteropServices;

namespace UffdActors.Serve.Tests;

/// <summary>
/// A memory file as the VMMs in C expect it: pages 8 to 11 of each 16 are a hole, the others tell page and place in each word.
/// </summary>
internal static class SnapshotFile
{
    private const int PageBytes = 4096;

    public static void Write(string path, long pages)
    {
        using FileStream file = File.Create(path);
        file.SetLength(pages * PageBytes);
        ulong[] words = new ulong[PageBytes / sizeof(ulong)];
        for (long page = 0; page < pages; page++)
        {
            if (page % 16 is >= 8 and < 12) continue;
            for (int i = 0; i < words.Length; i++) words[i] = Word((ulong)page, (ulong)i);
            file.Position = page * PageBytes;
            file.Write(MemoryMarshal.AsBytes<ulong>(words));
        }
    }

    private static ulong Word(ulong page, ulong word)
    {
        ulong x = (page * (PageBytes / sizeof(ulong))) + word + 0x9e3779b97f4a7c15;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        return x ^ (x >> 31);
    }
}
