namespace UffdActors.Linux.Native;

/// <summary>A descriptor of this process's own: memory, a device, a pidfd, a file under /proc.</summary>
internal sealed class FileHandle : LinuxHandle
{
    internal FileHandle(int descriptor)
        : base(descriptor, true)
    {
    }

    /// <summary>Opens a path.</summary>
    internal static unsafe FileHandle? TryOpen(string path, int flags, out Errno error)
    {
        byte[] name = System.Text.Encoding.UTF8.GetBytes(path + "\0");
        int descriptor;
        fixed (byte* pointer = name) descriptor = Libc.Open(pointer, flags | Fd.O_CLOEXEC, 0);
        error = descriptor < 0 ? Libc.LastError : Errno.None;
        return descriptor < 0 ? null : new FileHandle(descriptor);
    }
}
