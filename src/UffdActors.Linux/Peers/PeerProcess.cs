using System.Globalization;
using System.Net.Sockets;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Native;

namespace UffdActors.Linux.Peers;

/// <summary>
/// The process that has connected to a Unix socket, held by a pidfd: its number may go to another process when it has ended, the pidfd
/// never does. It is the process of the moment at which it connected, whichever process holds the socket since.
/// </summary>
/// <remarks>Safe for any thread. Owns the pidfd.</remarks>
public sealed unsafe class PeerProcess : IDisposable
{
    private const int SolSocket = 1;
    private const int SoPeerCred = 17;
    private const int SoPeerPidfd = 77;
    private const nint PidfdSendSignal = 424;
    private const nint PidfdGetfd = 438;
    private const nint Compare = 312;
    private const int SigKill = 9;
    internal const string UserfaultLink = "anon_inode:[userfaultfd]";

    private PeerProcess(FileHandle handle, int id, int user)
    {
        Handle = handle;
        Id = id;
        User = user;
    }

    /// <summary>Its number; 0 if it is in a PID namespace that this process does not see.</summary>
    public int Id { get; }

    /// <summary>Number of its effective user when it connected.</summary>
    public int User { get; }

    /// <summary>True if it has ended, whether or not its parent has waited for it.</summary>
    /// <exception cref="ObjectDisposedException">It has been disposed of.</exception>
    public bool HasEnded
    {
        get
        {
            using LinuxHandle.Lease lease = Handle.Use();
            PollFd poll = new() { Descriptor = lease.Number, Events = Wait.POLLIN };
            return Libc.Poll(&poll, 1, 0) > 0;
        }
    }

    internal FileHandle Handle { get; }

    /// <summary>The process at the other end (SO_PEERPIDFD; before Linux 6.5 SO_PEERCRED and <c>pidfd_open</c>).</summary>
    /// <param name="socket">A connection that a listening Unix socket has accepted.</param>
    /// <exception cref="UffdException">ESRCH: it has ended, and cannot be held any more.</exception>
    /// <exception cref="SyscallException">The kernel refuses: no Unix socket, or no descriptor left.</exception>
    public static PeerProcess Of(Socket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        // struct ucred: process, user, group.
        Span<int> credentials = stackalloc int[3];
        Errno error = GetOption(socket.SafeHandle, SoPeerCred, credentials);
        if (error != Errno.None) throw new SyscallException("getsockopt(SO_PEERCRED)", error);
        (int id, int user) = (credentials[0], credentials[1]);
        Span<int> pidfd = stackalloc int[1];
        error = GetOption(socket.SafeHandle, SoPeerPidfd, pidfd);
        return error switch
        {
            Errno.None => new PeerProcess(new FileHandle(pidfd[0]), id, user),
            // Its credentials cannot be asked for any more: the kernel has no process to name.
            Errno.ESRCH or Errno.EINVAL or Errno.ENODATA => throw Ended(id),
            Errno.ENOPROTOOPT => ByNumber(id, user),
            _ => throw new SyscallException("getsockopt(SO_PEERPIDFD)", error),
        };
    }

    /// <summary>Ends the process at once (SIGKILL), it and no other.</summary>
    /// <returns>False if it has ended already.</returns>
    /// <exception cref="SyscallException">EPERM: this process may not, or is the one itself.</exception>
    public bool Kill()
    {
        string call = $"pidfd_send_signal({Id}, SIGKILL)";
        if (Id == Environment.ProcessId)
            throw new SyscallException(call, Errno.EPERM, "a process that serves its own guest does not end itself.");
        using LinuxHandle.Lease lease = Handle.Use();
        if (Libc.Syscall(PidfdSendSignal, lease.Number, SigKill, 0, 0, 0, 0) == 0) return true;
        return Libc.LastError is var error && error == Errno.ESRCH
            ? false
            : throw new SyscallException(call, error);
    }

    /// <summary>The mark that identifies it; null if it is in a PID namespace that is not seen from here, or has ended.</summary>
    public ProcessMark? Mark => Id == 0 ? null : ProcessMark.Of(Id, User);

    /// <summary>Number of the effective user of this process.</summary>
    public static int ThisUser => (int)Libc.GetEffectiveUser();

    /// <summary>Number of the pidfd in this process; it stays this object's.</summary>
    public int Descriptor => Handle.Number;

    /// <summary>Finds a process again.</summary>
    /// <param name="mark">What was noted of it.</param>
    /// <exception cref="UffdException">ESRCH: it has ended.</exception>
    /// <exception cref="SyscallException">No descriptor is left.</exception>
    public static PeerProcess Find(ProcessMark mark)
    {
        ArgumentNullException.ThrowIfNull(mark);
        PeerProcess found = ByNumber(mark.Id, mark.User);
        // Compared while the pidfd is held: until it is closed, the number cannot be given to another process.
        if (found.Mark == mark && !found.HasEnded) return found;
        found.Dispose();
        throw Ended(mark.Id);
    }

    /// <summary>The process of a pidfd that was kept by others, a service manager for one.</summary>
    /// <param name="pidfd">The pidfd; taken over.</param>
    /// <param name="user">Number of its effective user when it connected.</param>
    /// <exception cref="UffdException">ESRCH: it has ended, and was waited for.</exception>
    /// <exception cref="ArgumentException">It is no pidfd.</exception>
    public static PeerProcess Of(ReceivedDescriptor pidfd, int user)
    {
        ArgumentNullException.ThrowIfNull(pidfd);
        const string Field = "Pid:";
        string? line = File.ReadLines(FormattableString.Invariant($"/proc/self/fdinfo/{pidfd.Number}"))
            .FirstOrDefault(l => l.StartsWith(Field, StringComparison.Ordinal));
        int id = line is null
            ? throw new ArgumentException($"Descriptor {pidfd.Number} is no pidfd.", nameof(pidfd))
            : int.Parse(line[Field.Length..], CultureInfo.InvariantCulture);
        if (id < 0) throw Ended(id);
        return new PeerProcess(new FileHandle(pidfd.Take()), id, user);
    }

    /// <summary>
    /// Whether the process itself has a descriptor of the same userfaultfd: then it outlives this process's, and absent pages stay absent
    /// when that is closed. Without one, closing shows the guest zeros.
    /// </summary>
    /// <param name="userfaultfd">Number of the descriptor in this process.</param>
    /// <returns>Null if this process may not look (CAP_SYS_PTRACE), or does not see the other.</returns>
    public bool? HasCopyOf(int userfaultfd) => Search(userfaultfd, out _);

    /// <summary>Number, in the process, of its own descriptor of a userfaultfd.</summary>
    /// <param name="userfaultfd">Number of the descriptor in this process.</param>
    /// <returns>Null if it has none, or this process may not look.</returns>
    public int? NumberOf(int userfaultfd) => Search(userfaultfd, out int number) == true ? number : null;

    /// <summary>Numbers of the userfaultfds that the process has; none if this process may not look.</summary>
    public IReadOnlyList<int> Userfaultfds()
    {
        try
        {
            return
            [
                .. Directory.EnumerateFileSystemEntries($"{ProcessFolder.Of(Id)}/fd")
                    .Where(entry => new FileInfo(entry).LinkTarget == UserfaultLink)
                    .Select(entry => int.Parse(Path.GetFileName(entry), CultureInfo.InvariantCulture)),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>
    /// Copies a descriptor of a process that is known by its number alone: the userfaultfd of a monitor, or its memory. Only the caller
    /// knows that the number has not become another process's meanwhile.
    /// </summary>
    /// <param name="process">Process.</param>
    /// <param name="number">Descriptor there.</param>
    /// <exception cref="SyscallException">
    /// ESRCH: there is no such process; EPERM: this one may not trace it (CAP_SYS_PTRACE); EBADF: there is no such descriptor.
    /// </exception>
    public static ReceivedDescriptor TakeFrom(int process, int number)
    {
        using PeerProcess peer = new(ProcessFolder.OpenPidfd(process), process, ThisUser);
        return peer.Take(number);
    }

    /// <summary>Copies a descriptor of the process into this one (<c>pidfd_getfd</c>(2)); close-on-exec.</summary>
    /// <param name="number">Descriptor there.</param>
    /// <exception cref="SyscallException">
    /// ESRCH: it has ended; EPERM: this process may not trace it (CAP_SYS_PTRACE); EBADF: there is no such descriptor.
    /// </exception>
    public ReceivedDescriptor Take(int number)
    {
        using LinuxHandle.Lease lease = Handle.Use();
        int copy = (int)Libc.Syscall(PidfdGetfd, lease.Number, number, 0, 0, 0, 0);
        return copy >= 0
            ? new ReceivedDescriptor(copy)
            : throw new SyscallException($"pidfd_getfd({Id}, {number})", Libc.LastError);
    }

    private bool? Search(int userfaultfd, out int number)
    {
        number = -1;
        if (Id == 0) return null;
        try
        {
            string folder = $"{ProcessFolder.Of(Id)}/fd";
            foreach (string entry in Directory.EnumerateFileSystemEntries(folder))
            {
                if (new FileInfo(entry).LinkTarget != UserfaultLink) continue;
                number = int.Parse(Path.GetFileName(entry), CultureInfo.InvariantCulture);
                // KCMP_FILE; 0 says that both are one open file.
                nint order = Libc.Syscall(Compare, Environment.ProcessId, Id, 0, userfaultfd, number, 0);
                if (order == 0) return true;
                if (order < 0 && Libc.LastError is not Errno.EBADF) return null;
            }

            return HasEnded ? null : false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>
    /// What the process has mapped at a range (<c>/proc/PID/smaps</c>): a process that hands over a userfaultfd need not say in which modes
    /// it has registered its memory, and to register it again in others takes those away.
    /// </summary>
    /// <param name="address">First address.</param>
    /// <param name="bytes">Bytes.</param>
    /// <returns>Null if nothing is mapped there, or this process may not look (CAP_SYS_PTRACE), or does not see the other.</returns>
    public PeerMapping? MappingAt(ulong address, long bytes)
    {
        if (Id == 0) return null;
        try
        {
            PeerMapping? found = AddressMap.FlagsIn($"{ProcessFolder.Of(Id)}/smaps", address, address + (ulong)bytes);
            // The number belongs to another process by now: what was read is not this one's.
            return HasEnded ? null : found;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <inheritdoc />
    public void Dispose() => Handle.Dispose();

    /// <summary>The process with this number, which may not be the one that connected.</summary>
    internal static PeerProcess ByNumber(int id, int user)
    {
        try
        {
            return new PeerProcess(ProcessFolder.OpenPidfd(id), id, user);
        }
        catch (SyscallException e) when (e.Error is Errno.ESRCH or Errno.EINVAL)
        {
            throw Ended(id);
        }
    }

    private static UffdException Ended(int id) =>
        new("getsockopt(SO_PEERPIDFD)", Errno.ESRCH, $"process {id}, which had connected, has ended already.");

    private static Errno GetOption(SafeSocketHandle socket, int option, Span<int> value)
    {
        bool taken = false;
        try
        {
            socket.DangerousAddRef(ref taken);
            uint bytes = (uint)(value.Length * sizeof(int));
            fixed (int* into = value)
            {
                return Libc.GetSockOpt((int)socket.DangerousGetHandle(), SolSocket, option, into, &bytes) == 0
                    ? Errno.None
                    : Libc.LastError;
            }
        }
        finally
        {
            if (taken) socket.DangerousRelease();
        }
    }
}
