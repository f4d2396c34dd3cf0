using System.Runtime.InteropServices;
using System.Text;

namespace UffdActors.Model.Inputs;

/// <summary>What statx(2) says of a file: enough to tell whether it is the same file with the same content.</summary>
/// <param name="Mode">st_mode: type and permissions.</param>
/// <param name="Device">Device that the file is on.</param>
/// <param name="Inode">Inode number.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Modified">Last change of the content, in nanoseconds.</param>
/// <param name="Changed">Last change of content or attributes, in nanoseconds; unlike the other it cannot be set back.</param>
/// <param name="Allocated">Bytes that are allocated for it.</param>
internal readonly partial record struct FileStatus(
    int Mode, long Device, ulong Inode, long Size, long Modified, long Changed, long Allocated)
{
    private const int StatxBytes = 256;
    // Whatever the blocks of the file system are.
    private const int BytesPerBlock = 512;
    private static readonly byte[] NoName = [0];
    private const uint StatxBasicStats = 0x7ff;
    private const int AtFdCwd = -100;
    private const int AtEmptyPath = 0x1000;
    private const int TypeMask = 0xf000;
    private const int Regular = 0x8000;
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>True for a regular file.</summary>
    public bool IsRegular => (Mode & TypeMask) == Regular;

    /// <summary>What kind of file it is, for a message.</summary>
    public string Kind => (Mode & TypeMask) switch
    {
        0x1000 => "a pipe",
        0x2000 => "a character device",
        0x4000 => "a folder",
        0x6000 => "a block device",
        0xc000 => "a socket",
        Regular => "a regular file",
        _ => "something else",
    };

    /// <summary>
    /// The file that a path leads to, links followed. The file is not opened: opening a pipe waits for its other end, and opening a device
    /// may do something.
    /// </summary>
    public static FileStatus Of(string path) => Of(AtFdCwd, path, 0, path);

    /// <summary>The file of an open descriptor.</summary>
    public static FileStatus Of(SafeHandle handle, string path)
    {
        bool added = false;
        try
        {
            handle.DangerousAddRef(ref added);
            return Of((int)handle.DangerousGetHandle(), "", AtEmptyPath, path);
        }
        finally
        {
            if (added) handle.DangerousRelease();
        }
    }

    private static unsafe FileStatus Of(int folder, string name, int flags, string path)
    {
        byte* statx = stackalloc byte[StatxBytes];
        // Asked of an open file beside every read: without a name nothing is allocated.
        fixed (byte* bytes = name.Length == 0 ? NoName : Encoding.UTF8.GetBytes(name + "\0"))
        {
            if (Statx(folder, bytes, flags, StatxBasicStats, statx) != 0) throw InputFileException.Of(path, Marshal.GetLastPInvokeError());
        }

        // Offsets of struct statx, the same on every architecture.
        return new FileStatus(
            *(ushort*)(statx + 28),
            ((long)*(uint*)(statx + 136) << 32) | *(uint*)(statx + 140),
            *(ulong*)(statx + 32),
            *(long*)(statx + 40),
            Time(statx + 112),
            Time(statx + 96),
            *(long*)(statx + 48) * BytesPerBlock);
    }

    private static unsafe long Time(byte* at) => (*(long*)at * NanosecondsPerSecond) + *(uint*)(at + 8);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static unsafe partial int Statx(int folder, byte* path, int flags, uint mask, byte* status);
}
