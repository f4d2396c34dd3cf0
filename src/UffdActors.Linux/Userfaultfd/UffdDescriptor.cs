using UffdActors.Abi;
using UffdActors.Linux.Native;
using UffdActors.Linux.Needs;
using UffdActors.Model.Memory;
using UffdActors.Worlds;

namespace UffdActors.Linux.Userfaultfd;

/// <summary>
/// A userfaultfd of the kernel: the handshake, the ioctls, reading. Owns its descriptor; disposing of it closes it. The kernel releases
/// the context with the last copy of the descriptor: waiting threads then find ordinary memory, pages of zeros (SEMANTICS 6.5.1).
/// </summary>
/// <remarks>
/// <para>Safe for any thread, as the kernel's object is; a call in progress keeps the descriptor open. No call here allocates.</para>
/// <para>Errors are values (<see cref="IoctlResult"/>): what is an error to one caller is an answer to another.</para>
/// </remarks>
internal sealed unsafe class UffdDescriptor : IDisposable
{
    private const string Device = "/dev/userfaultfd";

    /// <summary>
    /// Written to the out field before each call; the kernel writes neither a count nor an errno of this value, so an unwritten field is
    /// known.
    /// </summary>
    private const long Untouched = unchecked((long)0x8BAD_F00D_8BAD_F00D);

    private UffdDescriptor(UffdHandle handle, string? notice)
    {
        Handle = handle;
        Notice = notice;
    }

    /// <summary>The descriptor.</summary>
    public UffdHandle Handle { get; }

    /// <summary>What the user of the program should know about how it was opened; null if nothing.</summary>
    public string? Notice { get; }

    /// <summary>Features that were asked for; none before <see cref="Handshake"/>.</summary>
    public UffdFeatures Features { get; private set; }

    /// <summary>Opens a new userfaultfd. The handshake is still to be done.</summary>
    /// <exception cref="UnsupportedMachineException">This machine, or this user, may not; the message says what to do.</exception>
    /// <exception cref="SyscallException">EMFILE, ENFILE: there are as many descriptors as there may be.</exception>
    public static UffdDescriptor Open(UffdOpenOptions? options = null)
    {
        options ??= new UffdOpenOptions();
        UffdOpenFlags flags = UffdOpenFlags.CloseOnExec | (options.NonBlocking ? UffdOpenFlags.NonBlock : 0);
        if (options.UserModeOnly)
            return TryOpen(options.Path, flags | UffdOpenFlags.UserModeOnly, null, out Errno refused) ?? throw Refused(refused);
        if (TryOpen(options.Path, flags, null, out Errno error) is { } descriptor) return descriptor;
        if (options.AllowUserModeOnly)
        {
            if (TryOpen(options.Path, flags | UffdOpenFlags.UserModeOnly, UffdAccess.UserModeOnlyNotice(), out _) is { } limited)
                return limited;
        }

        throw Refused(error);
    }

    /// <summary>Opens a new userfaultfd one way, or says why not.</summary>
    /// <param name="path">Way; <see cref="UffdOpenPath.Any"/> tries both.</param>
    /// <param name="flags">Flags of <c>userfaultfd</c>(2).</param>
    /// <param name="error">Why not: of the system call, if it was tried.</param>
    public static UffdDescriptor? TryOpen(UffdOpenPath path, UffdOpenFlags flags, out Errno error) => TryOpen(path, flags, null, out error);

    /// <summary>
    /// Takes over a descriptor that other code has opened, received or inherited: from here on it belongs to this object. The other side
    /// may have read faults without resolving them; the kernel never delivers twice, so wake the whole range once.
    /// </summary>
    /// <param name="number">Descriptor in this process.</param>
    /// <param name="features">What was asked for in its handshake, if it was done.</param>
    public static UffdDescriptor Adopt(int number, UffdFeatures features = UffdFeatures.None)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        return new UffdDescriptor(new UffdHandle(number), null) { Features = features };
    }

    /// <summary>
    /// From here on reads do not wait, and poll works: on a descriptor that blocks the kernel's poll reports an error (SEMANTICS 6.2.10).
    /// </summary>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public void MakeNonBlocking()
    {
        using LinuxHandle.Lease lease = Handle.Use();
        int flags = Libc.Fcntl(lease.Number, Fd.F_GETFL, 0);
        if (flags < 0 || Libc.Fcntl(lease.Number, Fd.F_SETFL, flags | Fd.O_NONBLOCK) < 0)
            throw new SyscallException("fcntl(userfaultfd, O_NONBLOCK)", Libc.LastError);
    }

    /// <summary>UFFDIO_API: returns what the kernel offers, and has to come before every other call. Final once it has succeeded.</summary>
    /// <param name="features">What to ask for.</param>
    /// <param name="offered">What the kernel offers; none on failure.</param>
    /// <returns>EINVAL: a feature is not offered, or the handshake was done before; EPERM: EVENT_FORK needs CAP_SYS_PTRACE.</returns>
    public Errno Handshake(UffdFeatures features, out UffdFeatures offered)
    {
        UffdioApi api = new() { Api = Uffd.ApiMagic, Features = (ulong)features };
        Errno error = Call(UffdioCommand.Api, &api);
        offered = error == Errno.None ? (UffdFeatures)api.Features : UffdFeatures.None;
        if (error == Errno.None) Features = features;
        return error;
    }

    /// <summary>UFFDIO_REGISTER (SEMANTICS 3.1).</summary>
    /// <param name="start">First address.</param>
    /// <param name="bytes">Length.</param>
    /// <param name="modes">Faults to deliver.</param>
    /// <param name="ioctls">The mask that the kernel reports; it does not promise that each call works on this memory.</param>
    public Errno Register(ulong start, long bytes, RegisterModes modes, out UffdIoctls ioctls)
    {
        UffdioRegister register = new() { Range = Range(start, bytes), Mode = (ulong)modes };
        Errno error = Call(UffdioCommand.Register, &register);
        ioctls = error == Errno.None ? (UffdIoctls)register.Ioctls : UffdIoctls.None;
        return error;
    }

    /// <summary>
    /// UFFDIO_UNREGISTER. Wakes waiters where MISSING was registered, into pages of zeros; elsewhere it wakes no thread, and a
    /// <see cref="Wake"/> must follow (SEMANTICS 3.4.3).
    /// </summary>
    public Errno Unregister(ulong start, long bytes)
    {
        UffdioRange range = Range(start, bytes);
        return Call(UffdioCommand.Unregister, &range);
    }

    /// <summary>UFFDIO_WAKE: the waiters of this context whose address lies in the range look again.</summary>
    public Errno Wake(ulong start, long bytes)
    {
        UffdioRange range = Range(start, bytes);
        return Call(UffdioCommand.Wake, &range);
    }

    /// <summary>UFFDIO_COPY (SEMANTICS 5.3). The source must not lie in a registered range.</summary>
    /// <param name="destination">First address to fill.</param>
    /// <param name="source">Address of the bytes in this process; any alignment.</param>
    /// <param name="bytes">Length, a multiple of the page size.</param>
    /// <param name="modes">Whether to wake, whether to write-protect in the same step.</param>
    public IoctlResult Copy(ulong destination, ulong source, long bytes, FillModes modes = FillModes.None)
    {
        UffdioCopy copy = new() { Dst = destination, Src = source, Len = (ulong)bytes, Mode = (ulong)modes, Copy = Untouched };
        return Result(Call(UffdioCommand.Copy, &copy), copy.Copy);
    }

    /// <summary>UFFDIO_ZEROPAGE (SEMANTICS 5.4). Not on huge pages.</summary>
    public IoctlResult ZeroPage(ulong start, long bytes, FillModes modes = FillModes.None)
    {
        UffdioZeroPage zero = new() { Range = Range(start, bytes), Mode = (ulong)modes, ZeroPage = Untouched };
        return Result(Call(UffdioCommand.ZeroPage, &zero), zero.ZeroPage);
    }

    /// <summary>UFFDIO_CONTINUE (SEMANTICS 5.5): maps what the page cache holds; it is a full write barrier before.</summary>
    public IoctlResult Continue(ulong start, long bytes, FillModes modes = FillModes.None)
    {
        UffdioContinue call = new() { Range = Range(start, bytes), Mode = (ulong)modes, Mapped = Untouched };
        return Result(Call(UffdioCommand.Continue, &call), call.Mapped);
    }

    /// <summary>
    /// True if the address space that it acts on has ended: the process that has opened it is gone, or executes another program. REGISTER
    /// and UNREGISTER give ENOMEM then, as for other reasons too, and MOVE gives EINVAL; poll, read and WAKE say nothing. Changes nothing.
    /// </summary>
    public bool IsMemoryGone()
    {
        // The last page of the address space, behind the stack's guard gap: nothing can be registered there, so a living address space
        // gives ENOENT.
        try
        {
            return Continue(PageSize.TaskSize - PageSize.Base, PageSize.Base).Error == Errno.ESRCH;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>
    /// UFFDIO_POISON (SEMANTICS 5.6): a thread that touches the pages gets SIGBUS, and in a .NET process that ends the process.
    /// </summary>
    public IoctlResult Poison(ulong start, long bytes, FillModes modes = FillModes.None)
    {
        UffdioPoison poison = new() { Range = Range(start, bytes), Mode = (ulong)modes, Updated = Untouched };
        return Result(Call(UffdioCommand.Poison, &poison), poison.Updated);
    }

    /// <summary>UFFDIO_MOVE (SEMANTICS 5.8): pages change their address; private anonymous memory only.</summary>
    public IoctlResult Move(ulong destination, ulong source, long bytes, MoveModes modes = MoveModes.None)
    {
        UffdioMove move = new() { Dst = destination, Src = source, Len = (ulong)bytes, Mode = (ulong)modes, Move = Untouched };
        return Result(Call(UffdioCommand.Move, &move), move.Move);
    }

    /// <summary>UFFDIO_WRITEPROTECT (SEMANTICS 5.7). There is no count: ENOENT may come after a part was changed.</summary>
    public IoctlResult WriteProtect(ulong start, long bytes, WriteProtectModes modes)
    {
        UffdioWriteProtect protect = new() { Range = Range(start, bytes), Mode = (ulong)modes };
        return new IoctlResult(Call(UffdioCommand.WriteProtect, &protect), null);
    }

    /// <summary>Reads as many messages as there are and fit. Faults come before events, whatever their age (SEMANTICS 6.2.2).</summary>
    /// <returns>EAGAIN: there is none; EMFILE: no descriptor is left for the child of a fork, whose event stays queued.</returns>
    public Errno Read(MessageBatch batch, int most = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        batch.Count = 0;
        using LinuxHandle.Lease lease = Handle.Use();
        nint bytes = Libc.Read(lease.Number, batch.Pointer, (nuint)(Math.Min(batch.Capacity, most) * UffdMsg.SizeInBytes));
        if (bytes < 0) return Libc.LastError;
        batch.Count = (int)(bytes / UffdMsg.SizeInBytes);
        return Errno.None;
    }

    /// <summary>
    /// Sleeps until there is something to read, by poll(2). A descriptor that blocks is in error for poll and never sleeps.
    /// </summary>
    /// <param name="timeoutMilliseconds">0 to look only, -1 to wait for ever.</param>
    /// <returns>False if the time is over, or a signal came.</returns>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public bool WaitReadable(int timeoutMilliseconds)
    {
        using LinuxHandle.Lease lease = Handle.Use();
        PollFd descriptor = new() { Descriptor = lease.Number, Events = Wait.POLLIN };
        int found = Libc.Poll(&descriptor, 1, timeoutMilliseconds);
        if (found < 0 && Libc.LastError is var error && error != Errno.EINTR) throw new SyscallException("poll(userfaultfd)", error);
        return found > 0;
    }

    /// <summary>
    /// Unread faults, sleeping threads and features of the context, from <c>/proc/self/fdinfo</c>. Allocates; for barriers and reports.
    /// </summary>
    public UffdFdInfo ReadFdInfo()
    {
        using LinuxHandle.Lease lease = Handle.Use();
        return UffdFdInfo.Read(Environment.ProcessId, lease.Number);
    }

    /// <inheritdoc />
    public void Dispose() => Handle.Dispose();

    private static UffdDescriptor? TryOpen(UffdOpenPath path, UffdOpenFlags flags, string? notice, out Errno error)
    {
        error = Errno.None;
        if (path != UffdOpenPath.Device)
        {
            nint number = Libc.Syscall(Uffd.SyscallX64, (nint)flags, 0, 0, 0, 0, 0);
            if (number >= 0) return new UffdDescriptor(new UffdHandle((int)number), notice);
            error = Libc.LastError;
            if (path == UffdOpenPath.Syscall) return null;
        }

        using FileHandle? device = FileHandle.TryOpen(Device, Fd.O_RDWR, out Errno deviceError);
        if (device is not null)
        {
            using LinuxHandle.Lease lease = device.Use();
            int number = Libc.Ioctl(lease.Number, UffdioCommand.NewFromDevice, (nuint)flags);
            if (number >= 0) return new UffdDescriptor(new UffdHandle(number), notice);
            deviceError = Libc.LastError;
        }

        if (error == Errno.None) error = deviceError;
        return null;
    }

    // EMFILE does not mean that the machine has no userfaultfd.
    private static Exception Refused(Errno error) => error is Errno.EMFILE or Errno.ENFILE or Errno.ENOMEM
        ? new SyscallException("userfaultfd", error, KernelErrors.Explain("userfaultfd", error) + ".")
        : UffdAccess.Refused(error);

    private static UffdioRange Range(ulong start, long bytes) => new() { Start = start, Len = (ulong)bytes };

    private static IoctlResult Result(Errno error, long progress) => new(error, progress == Untouched ? null : progress);

    private Errno Call(uint command, void* argument)
    {
        using LinuxHandle.Lease lease = Handle.Use();
        return Libc.Ioctl(lease.Number, command, argument) == -1 ? Libc.LastError : Errno.None;
    }
}
