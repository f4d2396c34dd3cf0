using System.Runtime.InteropServices;

namespace UffdActors.Kvm.Native;

/// <summary>
/// The calls into the C library. Ordinary transitions (no SuppressGCTransition): a thread sleeps in KVM_RUN, also in a fault of its guest,
/// and must not block a garbage collection.
/// </summary>
internal static unsafe partial class Libc
{
    private const string Library = "libc";

    private const int SysGettid = 186;

    /// <summary>Number of the calling thread, as the kernel and THREAD_ID messages give it.</summary>
    public static int CurrentThread => (int)Syscall(SysGettid, 0, 0, 0);

    /// <summary>errno of the call before, which has returned -1.</summary>
    public static Errno LastError => (Errno)Marshal.GetLastPInvokeError();

    [LibraryImport(Library, EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Ioctl(int descriptor, nuint command, nuint argument);

    [LibraryImport(Library, EntryPoint = "open", SetLastError = true)]
    public static partial int Open(byte* path, int flags, uint mode);

    [LibraryImport(Library, EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    [LibraryImport(Library, EntryPoint = "mmap", SetLastError = true)]
    public static partial nint MMap(nint address, nuint bytes, int protection, int flags, int descriptor, long offset);

    [LibraryImport(Library, EntryPoint = "munmap", SetLastError = true)]
    public static partial int MUnmap(nint address, nuint bytes);

    [LibraryImport(Library, EntryPoint = "sigaction", SetLastError = true)]
    public static partial int SigAction(int signal, void* action, void* former);

    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    public static partial nint Syscall(nint number, nint a0, nint a1, nint a2);
}
