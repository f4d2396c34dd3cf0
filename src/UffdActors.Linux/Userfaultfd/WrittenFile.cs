using UffdActors.Linux.Native;
using UffdActors.Linux.Userfaultfd;
using UffdActors.Model.Memory;

namespace UffdActors.Linux;

/// <summary>
/// A journal of written pages in a file that is mapped here: what is noted survives the end of this process at any moment (SIGKILL too). A
/// page costs one store. The file belongs in memory (tmpfs, as <c>/run</c> is), as that of the events does.
/// </summary>
/// <remarks>Little-endian: a page with magic number, version and pages, then a bit for each base page.</remarks>
public sealed unsafe class WrittenFile : WrittenJournal
{
    // "uffdwrit".
    private const long MagicWord = 0x7469_7277_6466_6675;
    private const long CurrentVersion = 1;
    private const int BitsPerWord = 64;

    private readonly FileStream _file;
    private readonly JournalMap _map;

    private WrittenFile(FileStream file, long pages, bool isFound)
    {
        _file = file;
        Pages = pages;
        IsFound = isFound;
        _map = new JournalMap((int)file.SafeFileHandle.DangerousGetHandle(), 0, BytesOf(pages));
    }

    /// <inheritdoc />
    public override long Pages { get; }

    /// <inheritdoc />
    internal override bool IsFound { get; }

    private ulong* Words => (ulong*)(_map.Address + PageSize.Base);

    /// <summary>Makes a new file, in which nothing is noted.</summary>
    /// <param name="path">Its path; a file that is there is replaced.</param>
    /// <param name="pages">Base pages of the memory.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="SyscallException">It cannot be mapped.</exception>
    public static WrittenFile Create(string path, long pages)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pages, 1);
        string next = path + ".next";
        FileStream file = JournalLayout.Open(next, FileMode.Create);
        try
        {
            // Allocated at once: a store for which there is no room would end this process (SIGBUS).
            if (Libc.FAllocate((int)file.SafeFileHandle.DangerousGetHandle(), 0, 0, BytesOf(pages)) < 0)
                throw new IOException($"Journal \"{path}\" cannot have {BytesOf(pages)} bytes ({Libc.LastError}).");
            WrittenFile made = new(file, pages, isFound: false);
            long* head = (long*)made._map.Address;
            (head[0], head[1], head[2]) = (MagicWord, CurrentVersion, pages);
            // Whoever finds it finds it whole.
            File.Move(next, path, overwrite: true);
            return made;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens the file of an earlier process, which must have ended.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="pages">Base pages of the memory.</param>
    /// <exception cref="IOException">It cannot be opened, or is none of this memory.</exception>
    /// <exception cref="SyscallException">It cannot be mapped.</exception>
    public static WrittenFile Open(string path, long pages)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pages, 1);
        FileStream file = JournalLayout.Open(path, FileMode.Open);
        WrittenFile? found = null;
        try
        {
            if (file.Length < BytesOf(pages)) throw NotOne(path, pages);
            found = new WrittenFile(file, pages, isFound: true);
            long* head = (long*)found._map.Address;
            return head[0] == MagicWord && head[1] == CurrentVersion && head[2] == pages ? found : throw NotOne(path, pages);
        }
        catch
        {
            found?.Dispose();
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    internal override bool Contains(long page) => (Volatile.Read(ref WordOf(page)) & Bit(page)) != 0;

    /// <inheritdoc />
    internal override void Add(long page) => _ = Interlocked.Or(ref WordOf(page), Bit(page));

    /// <inheritdoc />
    internal override void Remove(long page) => _ = Interlocked.And(ref WordOf(page), ~Bit(page));

    /// <inheritdoc />
    public override void Dispose()
    {
        _map.Dispose();
        _file.Dispose();
    }

    private static long BytesOf(long pages) => PageSize.Base + JournalLayout.BitmapBytes(pages);

    private static ulong Bit(long page) => 1UL << (int)(page % BitsPerWord);

    private static IOException NotOne(string path, long pages) =>
        new($"Journal \"{path}\" is none of {pages} pages, or of another version.");

    private ref ulong WordOf(long page)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(page);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(page, Pages);
        return ref Words[page / BitsPerWord];
    }
}
