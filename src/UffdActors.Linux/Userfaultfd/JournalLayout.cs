using UffdActors.Model.Memory;

namespace UffdActors.Linux.Userfaultfd;

/// <summary>
/// The file of a journal. Little-endian: a header with the latest messages, a table of regions, then a bitmap for each region, a bit for
/// each base page that was removed; every part begins at a page. A file has holes where nothing was removed.
/// </summary>
internal static class JournalLayout
{
    /// <summary>"uffdjrnl".</summary>
    public const long MagicWord = 0x6c6e_726a_6466_6675;

    /// <summary>Version of the layout; another one is refused.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Messages of one read.</summary>
    public const int Capacity = 64;

    /// <summary>Regions that fit.</summary>
    public const int MostRegions = 1024;

    // Offsets in the header.
    public const int Magic = 0;
    public const int Version = 8;

    /// <summary>1 while the messages have been noted in the bitmaps; 0 from before they are read until then (4 bytes).</summary>
    public const int IsNoted = 12;

    /// <summary>Regions in the table; a region counts when its entry is whole (4 bytes).</summary>
    public const int RegionCount = 16;

    /// <summary>Where the messages are.</summary>
    public const int Messages = 64;

    /// <summary>Where the table is: first address and base pages, 8 bytes each.</summary>
    public const int Table = PageSize.Base;

    /// <summary>Bytes of an entry of the table.</summary>
    public const int EntryBytes = 16;

    /// <summary>Bytes of header and table.</summary>
    public const int HeadBytes = Table + (MostRegions * EntryBytes);

    /// <summary>Bytes of a region's bitmap.</summary>
    public static long BitmapBytes(long pages) => (((pages + 7) / 8) + PageSize.Base - 1) / PageSize.Base * PageSize.Base;

    /// <summary>Opens the file of a journal, unbuffered: its size must be set before it is mapped. A new one has mode 0600.</summary>
    public static FileStream Open(string path, FileMode mode)
    {
        FileStreamOptions options = new()
        {
            Mode = mode,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite | FileShare.Delete,
            BufferSize = 0,
        };
        if (!OperatingSystem.IsWindows() && mode == FileMode.Create)
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(path, options);
    }
}
