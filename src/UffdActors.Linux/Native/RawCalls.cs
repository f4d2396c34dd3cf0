using System.Runtime.InteropServices;
using UffdActors.Abi;

namespace UffdActors.Linux.Native;

/// <summary>
/// System calls with numbers for addresses and descriptors, nothing checked: for executing programs that are meant to contain
/// mistakes. Every call is an ordinary transition, so a thread may sleep in it.
/// </summary>
internal static unsafe class RawCalls
{
    private const int SysFstat = 5;
    private const int SysPrctl = 157;
    private const int SysTgkill = 234;
    private const int PrSetThpDisable = 41;
    private const int StatBytes = 144;
    private const int StatBlocksOffset = 64;
    private const int StatBlockBytes = 512;
    private const int SigActionBytes = 152;

    /// <summary>
    /// userfaultfd(2). It takes the same flags as the ioctl of the device, and answers them alike, so that a program shows the same either
    /// way.
    /// </summary>
    /// <param name="flags">Flags, any bits.</param>
    /// <param name="byDevice">Through /dev/userfaultfd, where the system call is refused whatever its flags are.</param>
    public static CallResult Userfaultfd(ulong flags, bool byDevice)
    {
        if (!byDevice) return Of(Libc.Syscall(Uffd.SyscallX64, (nint)(int)flags, 0, 0, 0, 0, 0));
        fixed (byte* device = "/dev/userfaultfd\0"u8)
        {
            int opened = Libc.Open(device, Fd.O_RDWR | Fd.O_CLOEXEC, 0);
            if (opened < 0) return Of(opened);
            CallResult made = Of(Libc.Ioctl(opened, UffdioCommand.NewFromDevice, (nuint)(uint)flags));
            _ = Libc.Close(opened);
            return made;
        }
    }

    /// <summary>True if userfaultfd(2) cannot be had here, but the device can.</summary>
    public static bool NeedsDevice()
    {
        const ulong Flags = (ulong)UffdOpenFlags.CloseOnExec;
        CallResult call = Userfaultfd(Flags, byDevice: false);
        if (call.Return >= 0)
        {
            _ = Close((int)call.Return);
            return false;
        }

        CallResult device = Userfaultfd(Flags, byDevice: true);
        if (device.Return >= 0) _ = Close((int)device.Return);
        return device.Return >= 0;
    }

    public static CallResult Ioctl(int descriptor, uint command, ulong argument) => Of(Libc.Ioctl(descriptor, command, (nuint)argument));

    public static CallResult Read(int descriptor, ulong buffer, long bytes) => Of(Libc.Read(descriptor, (void*)buffer, (nuint)bytes));

    public static CallResult Write(int descriptor, ulong buffer, long bytes) => Of(Libc.Write(descriptor, (void*)buffer, (nuint)bytes));

    public static CallResult PRead(int descriptor, ulong buffer, long bytes, long offset) =>
        Of(Libc.PRead(descriptor, (void*)buffer, (nuint)bytes, offset));

    public static CallResult PWrite(int descriptor, ulong buffer, long bytes, long offset) =>
        Of(Libc.PWrite(descriptor, (void*)buffer, (nuint)bytes, offset));

    public static CallResult Close(int descriptor) => Of(Libc.Close(descriptor));

    public static CallResult Duplicate(int descriptor) => Of(Libc.Fcntl(descriptor, Fd.F_DUPFD_CLOEXEC, 0));

    /// <summary><c>poll</c> of one descriptor without waiting; the events returned.</summary>
    public static int Poll(int descriptor)
    {
        PollFd poll = new() { Descriptor = descriptor, Events = Wait.POLLIN | Wait.POLLPRI | Wait.POLLOUT };
        _ = Libc.Poll(&poll, 1, 0);
        return poll.Returned;
    }

    public static CallResult Map(ulong address, ulong bytes, int protection, int flags, int descriptor, ulong offset) =>
        Of(Libc.MMap((nint)address, (nuint)bytes, protection, flags, descriptor, (long)offset));

    public static CallResult Unmap(ulong address, ulong bytes) => Of(Libc.MUnmap((nint)address, (nuint)bytes));

    public static CallResult Protect(ulong address, ulong bytes, int protection) =>
        Of(Libc.MProtect((nint)address, (nuint)bytes, protection));

    public static CallResult Remap(ulong address, ulong bytes, ulong newBytes, int flags, ulong newAddress) =>
        Of(Libc.MRemap((nint)address, (nuint)bytes, (nuint)newBytes, flags, (nint)newAddress));

    public static CallResult Advise(ulong address, ulong bytes, int advice) => Of(Libc.MAdvise((nint)address, (nuint)bytes, advice));

    public static CallResult Allocate(int descriptor, int mode, ulong offset, ulong bytes) =>
        Of(Libc.FAllocate(descriptor, mode, (long)offset, (long)bytes));

    public static CallResult Truncate(int descriptor, ulong bytes) => Of(Libc.FTruncate(descriptor, (long)bytes));

    public static CallResult Seek(int descriptor, long offset, int whence) => Of(Libc.LSeek(descriptor, offset, whence));

    public static CallResult CreateMemfd(string name, bool huge)
    {
        fixed (byte* pointer = System.Text.Encoding.UTF8.GetBytes(name + "\0"))
            return Of(Libc.MemFdCreate(pointer, Fd.MFD_CLOEXEC | (huge ? Fd.MFD_HUGETLB | Fd.MFD_HUGE_2MB : 0)));
    }

    /// <summary>Bytes that a file has allocated, from <c>fstat</c>(2).</summary>
    public static long AllocatedBytes(int descriptor)
    {
        byte* stat = stackalloc byte[StatBytes];
        return Libc.Syscall(SysFstat, descriptor, (nint)stat, 0, 0, 0, 0) == -1
            ? throw new SyscallException("fstat", Libc.LastError)
            : *(long*)(stat + StatBlocksOffset) * StatBlockBytes;
    }

    /// <summary>One byte, by a load in user mode.</summary>
    public static byte Load(ulong address)
    {
        byte value;
        _ = Libc.MemCpy(&value, (void*)address, 1);
        return value;
    }

    /// <summary>One byte, by a store in user mode.</summary>
    public static void Store(ulong address, byte value) => _ = Libc.MemCpy((void*)address, &value, 1);

    /// <summary>Copies words out of memory that does not fault.</summary>
    public static void ReadWords(ulong address, Span<ulong> words) => new ReadOnlySpan<ulong>((void*)address, words.Length).CopyTo(words);

    /// <summary>Copies words into memory that does not fault.</summary>
    public static void WriteWords(ulong address, ReadOnlySpan<ulong> words) => words.CopyTo(new Span<ulong>((void*)address, words.Length));

    /// <summary>Copies bytes out of memory that does not fault.</summary>
    public static void ReadBytes(ulong address, Span<byte> bytes) => new ReadOnlySpan<byte>((void*)address, bytes.Length).CopyTo(bytes);

    /// <summary>Fills memory that does not fault.</summary>
    public static void Fill(ulong address, long bytes, byte value) => NativeMemory.Fill((void*)address, (nuint)bytes, value);

    /// <summary>Reads a small file of /proc whole, into a buffer, without allocating.</summary>
    /// <returns>Bytes read; 0 if it cannot be opened.</returns>
    public static int ReadProc(ReadOnlySpan<byte> path, Span<byte> buffer)
    {
        fixed (byte* name = path)
        fixed (byte* bytes = buffer)
        {
            int descriptor = Libc.Open(name, Fd.O_RDONLY | Fd.O_CLOEXEC, 0);
            if (descriptor < 0) return 0;
            nint count = Libc.Read(descriptor, bytes, (nuint)buffer.Length);
            _ = Libc.Close(descriptor);
            return (int)Math.Max(0, count);
        }
    }

    /// <summary>A pipe: read end, write end; neither waits.</summary>
    public static (int Read, int Write) MakePipe()
    {
        int* ends = stackalloc int[2];
        return Libc.Pipe(ends, Fd.O_NONBLOCK | Fd.O_CLOEXEC) == -1
            ? throw new SyscallException("pipe2", Libc.LastError)
            : (ends[0], ends[1]);
    }

    /// <summary>An eventfd whose reads wait.</summary>
    public static int MakeBlockingEvent()
    {
        int number = Libc.EventFd(0, Fd.EFD_CLOEXEC);
        return number < 0 ? throw new SyscallException("eventfd", Libc.LastError) : number;
    }

    /// <summary>Adds one to an eventfd.</summary>
    public static void SetEvent(int descriptor)
    {
        ulong one = 1;
        _ = Libc.Write(descriptor, &one, sizeof(ulong));
    }

    /// <summary>Waits for an eventfd.</summary>
    public static void WaitEvent(int descriptor)
    {
        ulong count;
        while (Libc.Read(descriptor, &count, sizeof(ulong)) == -1 && Libc.LastError == Errno.EINTR)
        {
            // A signal that was meant for a sleep before.
        }
    }

    /// <summary>Sleeps; the thread gives way to those of smaller priority.</summary>
    public static void Sleep(int microseconds) => _ = Libc.MicroSleep((uint)microseconds);

    /// <summary>Transparent huge pages off for this process: a program's pages are base pages whatever the machine's setting is.</summary>
    public static void DisableTransparentHugePages() => _ = Libc.Syscall(SysPrctl, PrSetThpDisable, 1, 0, 0, 0, 0);

    /// <summary>Sends a signal to one thread of this process.</summary>
    public static CallResult Signal(int thread, int signal) => Of(Libc.Syscall(SysTgkill, Environment.ProcessId, thread, signal, 0, 0, 0));

    /// <summary>
    /// Gives a signal a handler that does nothing, without SA_RESTART. The handler is <c>abs</c>(3): native, harmless and of the right
    /// shape; a handler of our own would be managed code in a signal frame.
    /// </summary>
    public static void IgnoreWithHandler(int signal)
    {
        nint library = NativeLibrary.Load("libc.so.6");
        byte* action = stackalloc byte[SigActionBytes];
        new Span<byte>(action, SigActionBytes).Clear();
        *(nint*)action = NativeLibrary.GetExport(library, "abs");
        if (Libc.SigAction(signal, action, null) == -1) throw new SyscallException($"sigaction({signal})", Libc.LastError);
    }

    private static CallResult Of(nint result) => result == -1 ? new CallResult(-1, Libc.LastError) : new CallResult(result, Errno.None);

    private static CallResult Of(long result) => Of((nint)result);

    private static CallResult Of(int result) => Of((nint)result);
}
