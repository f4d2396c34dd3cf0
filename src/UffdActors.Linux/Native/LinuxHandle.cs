using System.Runtime.InteropServices;

namespace UffdActors.Linux.Native;

/// <summary>A file descriptor that is closed exactly once, and never while a call is using it.</summary>
/// <remarks>Safe for any thread.</remarks>
public abstract class LinuxHandle : SafeHandle
{
    private protected LinuxHandle(int descriptor, bool owns)
        : base(-1, owns) => SetHandle(descriptor);

    /// <inheritdoc />
    public override bool IsInvalid => handle < 0;

    /// <summary>Number of the descriptor in this process; valid until the handle is disposed of.</summary>
    public int Number => (int)handle;

    /// <inheritdoc />
    protected override bool ReleaseHandle() => Libc.Close((int)handle) == 0;

    /// <summary>Keeps the descriptor open for the duration of a call.</summary>
    internal Lease Use() => new(this);

    /// <summary>A descriptor in use.</summary>
    internal readonly ref struct Lease
    {
        private readonly LinuxHandle _owner;

        public Lease(LinuxHandle owner)
        {
            bool taken = false;
            // Throws if the handle has been disposed of, so there is no lease without a reference.
            owner.DangerousAddRef(ref taken);
            _owner = owner;
        }

        public int Number => (int)_owner.handle;

        public void Dispose() => _owner.DangerousRelease();
    }
}

/// <summary>A userfaultfd.</summary>
internal sealed class UffdHandle : LinuxHandle
{
    internal UffdHandle(int descriptor, bool owns = true)
        : base(descriptor, owns)
    {
    }
}

/// <summary>A descriptor of memory: memfd, hugetlb file, guest_memfd, or a file that somebody handed over.</summary>
public sealed class MemoryHandle : LinuxHandle
{
    internal MemoryHandle(int descriptor, bool owns = true)
        : base(descriptor, owns)
    {
    }
}

/// <summary>An eventfd.</summary>
internal sealed class EventHandle : LinuxHandle
{
    internal EventHandle(int descriptor)
        : base(descriptor, true)
    {
    }
}

/// <summary>Any other descriptor: a device, a file under /proc.</summary>
internal sealed class FileHandle : LinuxHandle
{
    internal FileHandle(int descriptor)
        : base(descriptor, true)
    {
    }

    /// <summary>Opens a path.</summary>
    internal static unsafe FileHandle? TryOpen(string path, int flags, out Abi.Errno error)
    {
        byte[] name = System.Text.Encoding.UTF8.GetBytes(path + "\0");
        int descriptor;
        fixed (byte* pointer = name) descriptor = Libc.Open(pointer, flags | Fd.O_CLOEXEC, 0);
        error = descriptor < 0 ? Libc.LastError : Abi.Errno.None;
        return descriptor < 0 ? null : new FileHandle(descriptor);
    }
}
