using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace UffdActors.Model.Inputs;

/// <summary>Reads what the kernel has of a file in memory, and never waits for a disk.</summary>
/// <param name="file">The file; stays the caller's.</param>
internal sealed unsafe partial class CachedRead(SafeFileHandle file)
{
    // <linux/fs.h>, <errno.h>, <linux/magic.h>.
    private const int ReadNoWait = 8;
    private const int NotSupported = 95;
    private const long Tmpfs = 0x01021994;
    private const long Ramfs = 0x858458f6;
    private const int StatfsBytes = 120;

    // tmpfs knows no RWF_NOWAIT, and needs none.
    private readonly int _flags = IsMemory(file) ? 0 : ReadNoWait;
    private volatile bool _isUnsupported;

    /// <summary>Reads all bytes that there is room for.</summary>
    /// <returns>False if it would have to wait for some, or has failed.</returns>
    public bool TryRead(long offset, Span<byte> room)
    {
        if (_isUnsupported) return false;
        if (room.IsEmpty) return true;
        bool added = false;
        try
        {
            file.DangerousAddRef(ref added);
            fixed (byte* first = room)
            {
                Part part = new(first, (nuint)room.Length);
                nint read = ReadVector((int)file.DangerousGetHandle(), &part, 1, offset, _flags);
                if (read < 0 && Marshal.GetLastPInvokeError() == NotSupported) _isUnsupported = true;
                return read == room.Length;
            }
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
        finally
        {
            if (added) file.DangerousRelease();
        }
    }

    private static bool IsMemory(SafeFileHandle file)
    {
        byte* facts = stackalloc byte[StatfsBytes];
        return FileSystemOf(file, facts) == 0 && *(long*)facts is Tmpfs or Ramfs;
    }

    [LibraryImport("libc", EntryPoint = "preadv2", SetLastError = true)]
    private static partial nint ReadVector(int file, Part* parts, int count, long offset, int flags);

    [LibraryImport("libc", EntryPoint = "fstatfs", SetLastError = true)]
    private static partial int FileSystemOf(SafeFileHandle file, byte* facts);

    // struct iovec.
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Part(byte* first, nuint bytes)
    {
        public readonly byte* First = first;
        public readonly nuint Bytes = bytes;
    }
}
