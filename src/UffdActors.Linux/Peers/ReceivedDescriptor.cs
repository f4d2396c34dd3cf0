using UffdActors.Linux.Native;
using UffdActors.Model.Inputs;

namespace UffdActors.Linux.Peers;

/// <summary>
/// A descriptor that has come over a socket (SCM_RIGHTS). It belongs to this object until <see cref="Take"/>, and is closed with it.
/// </summary>
/// <remarks>Safe for any thread.</remarks>
public sealed class ReceivedDescriptor : LinuxHandle
{
    internal ReceivedDescriptor(int descriptor)
        : base(descriptor, true)
    {
    }

    /// <summary>
    /// The kernel's number of the file behind it, by which two descriptors of one userfaultfd or memfd are known in whatever process they
    /// are; null before Linux 5.14.
    /// </summary>
    public long? Inode => InodeOf(Environment.ProcessId, Number);

    /// <summary>
    /// The device of the file behind it. <see cref="Inode"/> is a file's number on one device: files of two devices may have the same.
    /// </summary>
    /// <exception cref="IOException">The kernel does not tell.</exception>
    public long Device
    {
        get
        {
            try
            {
                return FileStatus.Of(FormattableString.Invariant($"/proc/self/fd/{Number}")).Device;
            }
            catch (InputFileException e)
            {
                throw new IOException($"Descriptor {Number} cannot be looked at: {e.Message}.", e);
            }
        }
    }

    /// <summary>True if it is a userfaultfd.</summary>
    public bool IsUserfaultfd =>
        new FileInfo(FormattableString.Invariant($"/proc/self/fd/{Number}")).LinkTarget == PeerProcess.UserfaultLink;

    /// <summary>Another descriptor of the same open file; close-on-exec.</summary>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public ReceivedDescriptor Copy()
    {
        using Lease lease = Use();
        CallResult copy = RawCalls.Duplicate(lease.Number);
        return copy.Error == Errno.None
            ? new ReceivedDescriptor((int)copy.Return)
            : throw new SyscallException($"fcntl({lease.Number}, F_DUPFD_CLOEXEC)", copy.Error);
    }

    /// <summary>Takes over a descriptor that this process was started with (<c>LISTEN_FDS</c>); from here on it is close-on-exec.</summary>
    /// <param name="number">Its number.</param>
    /// <exception cref="SyscallException">EBADF: there is none.</exception>
    public static ReceivedDescriptor Inherited(int number)
    {
        if (Libc.Fcntl(number, Fd.F_SETFD, Fd.FD_CLOEXEC) < 0) throw new SyscallException($"fcntl({number}, F_SETFD)", Libc.LastError);
        return new ReceivedDescriptor(number);
    }

    /// <summary>The same of a descriptor of a process, without a copy of it.</summary>
    /// <param name="process">Number of the process.</param>
    /// <param name="number">Descriptor there.</param>
    /// <returns>Null before Linux 5.14, or if this process may not look, or there is no such descriptor.</returns>
    public static long? InodeOf(int process, int number)
    {
        const string Field = "ino:";
        try
        {
            string? line = File.ReadLines(FormattableString.Invariant($"/proc/{process}/fdinfo/{number}"))
                .FirstOrDefault(l => l.StartsWith(Field, StringComparison.Ordinal));
            return line is null ? null : long.Parse(line[Field.Length..], System.Globalization.CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Gives the descriptor away: it is closed here no more.</summary>
    /// <returns>Its number in this process, for a call that takes a descriptor over (<see cref="AdoptedUserfault.Descriptor"/>).</returns>
    /// <exception cref="ObjectDisposedException">It has been closed, or given away before.</exception>
    public int Take()
    {
        using Lease lease = Use();
        int number = lease.Number;
        SetHandleAsInvalid();
        return number;
    }
}
