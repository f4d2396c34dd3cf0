using System.Runtime.InteropServices;
using UffdActors.Linux.Native;
using UffdActors.Linux.Needs;
using UffdActors.Model.Memory;
using UffdActors.Worlds;

namespace UffdActors.Linux.Memory;

/// <summary>
/// A range of guest memory in this process. Its bytes are reached by copying in and out only, each time through an ordinary call into the C
/// library: a page that is not there puts the thread to sleep <em>outside</em> the runtime, so collections go on. A pointer, a span or a
/// volatile read would put it to sleep inside, and the next collection would freeze the process together with the monitor that could
/// resolve the fault. That is why no pointer, span or stream is ever given out; <see cref="Address"/> is a number for KVM and for ioctls.
/// </summary>
/// <remarks>
/// <para>Memory mapped here is unmapped when this is disposed of; adopted memory stays mapped. Dispose of it after the
/// threads that touch it have stopped and after its userfaultfd has been closed or the range unregistered.</para>
/// <para>Any number of threads may touch it. Touching a poisoned page, or one behind the end of its file, ends the process (SIGBUS).</para>
/// </remarks>
public sealed unsafe class GuestMemory : SafeHandle
{
    // sizeof(pthread_mutex_t) on x86-64.
    private const int MutexBytes = 40;

    private readonly UnmappedParts _unmapped = new();

    private GuestMemory(nint address, long bytes, MemoryBacking backing, bool isShared, bool owns)
        : base(-1, owns)
    {
        SetHandle(address);
        Bytes = bytes;
        Backing = backing;
        IsShared = isShared;
    }

    /// <summary>First address, as a number.</summary>
    public ulong Address => (ulong)handle;

    /// <summary>First address behind it.</summary>
    public ulong End => Address + (ulong)Bytes;

    /// <summary>Length in bytes.</summary>
    public long Bytes { get; }

    /// <summary>What is behind it.</summary>
    public MemoryBacking Backing { get; }

    /// <summary>True if the mapping is shared with others of the same object.</summary>
    public bool IsShared { get; }

    /// <summary>Bytes of a page: 4 KiB, or 2 MiB.</summary>
    public int PageBytes => Backing == MemoryBacking.Hugetlb ? PageSize.Huge : PageSize.Base;

    /// <inheritdoc />
    public override bool IsInvalid => handle == -1;

    /// <summary>
    /// Maps private anonymous memory: empty, without transparent huge pages, and left out of core dumps (a dumper would fault).
    /// </summary>
    /// <param name="bytes">Length, a multiple of 4 KiB.</param>
    /// <param name="address">Where, or 0 for anywhere. Never replaces what is there.</param>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public static GuestMemory MapAnonymous(long bytes, ulong address = 0)
    {
        CheckLength(bytes, PageSize.Base);
        return Map(MemoryBacking.Anonymous, false, bytes, address, Mm.MAP_PRIVATE | Mm.MAP_ANONYMOUS | Mm.MAP_NORESERVE, -1, 0);
    }

    /// <summary>Maps memory of an object. Mapping it twice makes aliases.</summary>
    /// <param name="memory">The object; it may be disposed of afterwards.</param>
    /// <param name="offset">First byte of it, a multiple of its page size.</param>
    /// <param name="bytes">Length, a multiple of its page size.</param>
    /// <param name="isShared">False for a private mapping: written pages are copied.</param>
    /// <param name="address">Where, or 0 for anywhere. Never replaces what is there.</param>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    /// <exception cref="UnsupportedMachineException">The pool has not enough huge pages.</exception>
    public static GuestMemory Map(MemoryObject memory, long offset, long bytes, bool isShared = true, ulong address = 0)
    {
        ArgumentNullException.ThrowIfNull(memory);
        CheckLength(bytes, memory.PageBytes);
        using LinuxHandle.Lease lease = memory.Handle.Use();
        return Map(memory.Backing, isShared, bytes, address, isShared ? Mm.MAP_SHARED : Mm.MAP_PRIVATE, lease.Number, offset);
    }

    /// <summary>Uses memory that other code has mapped into this process and goes on to own.</summary>
    /// <param name="address">First address, a multiple of the page size.</param>
    /// <param name="bytes">Length in bytes.</param>
    /// <param name="backing">What is behind it.</param>
    /// <param name="isShared">True if it is a shared mapping.</param>
    /// <exception cref="ArgumentException">The address is 0, or address or length is not a multiple of the page size.</exception>
    public static GuestMemory Adopt(ulong address, long bytes, MemoryBacking backing, bool isShared)
    {
        ArgumentOutOfRangeException.ThrowIfZero(address);
        int pageBytes = backing == MemoryBacking.Hugetlb ? PageSize.Huge : PageSize.Base;
        CheckLength(bytes, pageBytes);
        if (address % (ulong)pageBytes != 0)
            throw new ArgumentException($"0x{address:x} is not a multiple of the page size, {pageBytes}.", nameof(address));
        return new GuestMemory((nint)address, bytes, backing, isShared, owns: false);
    }

    /// <summary>Copies bytes out; may sleep in a page fault.</summary>
    public void Read(long offset, Span<byte> destination)
    {
        using Lease lease = Use(offset, destination.Length);
        fixed (byte* pointer = destination) _ = Libc.MemCpy(pointer, lease.Pointer, (nuint)destination.Length);
    }

    /// <summary>Copies bytes in; may sleep in a page fault.</summary>
    public void Write(long offset, ReadOnlySpan<byte> source)
    {
        using Lease lease = Use(offset, source.Length);
        fixed (byte* pointer = source) _ = Libc.MemCpy(lease.Pointer, pointer, (nuint)source.Length);
    }

    /// <summary>One word of 8 bytes, little endian; may sleep in a page fault.</summary>
    public ulong ReadWord(long offset)
    {
        ulong value;
        using Lease lease = Use(offset, sizeof(ulong));
        _ = Libc.MemCpy(&value, lease.Pointer, sizeof(ulong));
        return value;
    }

    /// <summary>Writes one word of 8 bytes, little endian; may sleep in a page fault.</summary>
    public void WriteWord(long offset, ulong value)
    {
        using Lease lease = Use(offset, sizeof(ulong));
        _ = Libc.MemCpy(lease.Pointer, &value, sizeof(ulong));
    }

    /// <summary>
    /// Tries to take a lock that lies in guest memory: a <c>pthread_mutex_t</c> of this process, of which zeros are the free state. The C
    /// library touches it, so a missing page puts the thread to sleep outside the runtime. May sleep in a page fault, never on the lock.
    /// </summary>
    /// <returns>False if another thread has it.</returns>
    public bool TryLock(long offset)
    {
        using Lease lease = Use(offset, MutexBytes);
        return Libc.MutexTryLock(lease.Pointer) == 0;
    }

    /// <summary>Gives back a lock that this thread has taken; may sleep in a page fault.</summary>
    public void Unlock(long offset)
    {
        using Lease lease = Use(offset, MutexBytes);
        _ = Libc.MutexUnlock(lease.Pointer);
    }

    /// <summary>Copies in from native memory: through an alias this is how the page cache is filled before CONTINUE.</summary>
    public void WriteFrom(long offset, NativeBuffer source, long sourceOffset, long bytes)
    {
        ArgumentNullException.ThrowIfNull(source);
        CheckRange(sourceOffset, bytes, source.Bytes);
        WriteFrom(offset, source.Address + (nint)sourceOffset, bytes);
        GC.KeepAlive(source);
    }

    /// <summary>Copies in from an address of native memory that is never registered and stays valid for the call.</summary>
    internal void WriteFrom(long offset, nint source, long bytes)
    {
        using Lease lease = Use(offset, bytes);
        _ = Libc.MemCpy(lease.Pointer, (void*)source, (nuint)bytes);
    }

    /// <summary><c>madvise</c>(2) on a part. With event features registered it waits until the event has been read.</summary>
    public Errno Advise(long offset, long bytes, MemoryAdvice advice)
    {
        using Lease lease = Use(offset, bytes);
        return Libc.MAdvise((nint)lease.Pointer, (nuint)bytes, (int)advice) == -1 ? Libc.LastError : Errno.None;
    }

    /// <summary>
    /// True if a base page is mapped here, or of a file in the page cache (<c>mincore</c>(2)): it can be read without being made. A page in
    /// swap is not.
    /// </summary>
    internal bool IsCached(long offset)
    {
        byte present = 0;
        using Lease lease = Use(offset, PageSize.Base);
        return Libc.MInCore((nint)lease.Pointer, PageSize.Base, &present) == 0 && (present & 1) != 0;
    }

    /// <summary><c>mprotect</c>(2) on a part.</summary>
    public Errno Protect(long offset, long bytes, MemoryProtection protection)
    {
        using Lease lease = Use(offset, bytes);
        return Libc.MProtect((nint)lease.Pointer, (nuint)bytes, (int)protection) == -1 ? Libc.LastError : Errno.None;
    }

    /// <summary>
    /// <c>munmap</c>(2) on a part. The address range is free for others from then on, and this object must not touch it again. With
    /// EVENT_UNMAP registered it waits until the event has been read.
    /// </summary>
    public Errno Unmap(long offset, long bytes)
    {
        using Lease lease = Use(offset, bytes);
        if (Libc.MUnmap((nint)lease.Pointer, (nuint)bytes) == -1) return Libc.LastError;
        // Nor is it unmapped a second time, for it may be another's by then.
        _unmapped.Add(offset, bytes);
        return Errno.None;
    }

    /// <summary>
    /// <c>mremap</c>(2): moves the whole range to an address of the kernel's choice. This object is disposed of and its memory belongs to
    /// the one returned. With EVENT_REMAP registered it waits until the events have been read.
    /// </summary>
    /// <exception cref="SyscallException">The kernel refuses; nothing has changed.</exception>
    public GuestMemory MoveAway()
    {
        nint moved;
        using (Lease lease = Use(0, Bytes))
        {
            nint target = Libc.MMap(0, (nuint)Bytes, Mm.PROT_NONE, Mm.MAP_PRIVATE | Mm.MAP_ANONYMOUS | Mm.MAP_NORESERVE, -1, 0);
            if (target == Mm.MAP_FAILED) throw new SyscallException($"mmap({Bytes} bytes)", Libc.LastError);
            moved = Libc.MRemap((nint)lease.Pointer, (nuint)Bytes, (nuint)Bytes, Mm.MREMAP_MAYMOVE | Mm.MREMAP_FIXED, target);
            if (moved == Mm.MAP_FAILED)
            {
                Errno error = Libc.LastError;
                _ = Libc.MUnmap(target, (nuint)Bytes);
                throw new SyscallException($"mremap(0x{Address:x}, {Bytes} bytes)", error);
            }
        }

        GuestMemory result = new(moved, Bytes, Backing, IsShared, owns: true);
        SetHandleAsInvalid();
        return result;
    }

    /// <inheritdoc />
    /// <remarks>In slices: one munmap over gigabytes of present pages would delay faults elsewhere by tenths of a second.</remarks>
    protected override bool ReleaseHandle()
    {
        long slice = RangeSlices.BytesFor(Bytes);
        foreach ((long first, long all) in _unmapped.Rest(Bytes))
        {
            for (long end, start = first; start < all; start = end)
            {
                end = Math.Min(all, start + slice - ((handle + (nint)start) % (nint)slice));
                if (Libc.MUnmap(handle + (nint)start, (nuint)(end - start)) != 0) return false;
            }
        }

        return true;
    }

    private Lease Use(long offset, long bytes)
    {
        CheckRange(offset, bytes, Bytes);
        return new Lease(this, offset);
    }

    private static GuestMemory Map(MemoryBacking backing, bool isShared, long bytes, ulong address, int flags, int descriptor, long offset)
    {
        if (address != 0) flags |= Mm.MAP_FIXED_NOREPLACE;
        nint mapped = Libc.MMap((nint)address, (nuint)bytes, Mm.PROT_READ | Mm.PROT_WRITE, flags, descriptor, offset);
        if (mapped == Mm.MAP_FAILED)
        {
            Errno error = Libc.LastError;
            throw MapRefusal.Of((ulong)bytes, backing, error);
        }

        GuestMemory memory = new(mapped, bytes, backing, isShared, owns: true);
        _ = Libc.MAdvise(mapped, (nuint)bytes, (int)MemoryAdvice.DontDump);
        // One fault, one page: a resolver relies on it. A kernel without transparent huge pages gives EINVAL, and needs no advice.
        _ = Libc.MAdvise(mapped, (nuint)bytes, (int)MemoryAdvice.NoHugePage);
        return memory;
    }

    private static void CheckLength(long bytes, int pageBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        if (bytes % pageBytes != 0)
            throw new ArgumentException($"{bytes} bytes is not a multiple of the page size, {pageBytes}.", nameof(bytes));
    }

    private static void CheckRange(long offset, long bytes, long limit)
    {
        if (offset < 0 || bytes < 0 || bytes > limit - offset)
            throw new ArgumentOutOfRangeException(nameof(offset), offset, $"{bytes} bytes from there do not lie within {limit} bytes.");
    }

    /// <summary>The mapping in use: it cannot be unmapped by a disposal that runs at the same time.</summary>
    private readonly ref struct Lease
    {
        private readonly GuestMemory _owner;

        public Lease(GuestMemory owner, long offset)
        {
            bool taken = false;
            owner.DangerousAddRef(ref taken);
            _owner = owner;
            Pointer = (byte*)owner.handle + offset;
        }

        public byte* Pointer { get; }

        public void Dispose() => _owner.DangerousRelease();
    }
}
