using UffdActors.Abi;
using UffdActors.Linux.Memory;
using UffdActors.Linux.Userfaultfd;

namespace UffdActors.Linux.Live;

/// <summary>
/// Another mapping of a file whose holes lseek(2) does not report: for hugetlb SEEK_DATA finds data everywhere, for guest_memfd it is not
/// supported. Where possible the mapping is registered for MISSING with a userfaultfd that is never read: then a read through
/// <c>/proc/self/mem</c> finds what is in the cache, and a hole is EIO at once and stays a hole. Elsewhere mincore(2) tells.
/// </summary>
internal sealed class FileWindow : IDisposable
{
    private readonly GuestMemory _memory;
    private readonly UffdDescriptor? _guard;

    private FileWindow(GuestMemory memory, UffdDescriptor? guard)
    {
        _memory = memory;
        _guard = guard;
    }

    /// <summary>Maps it.</summary>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public static FileWindow Open(MemoryObject file, long offset, long bytes)
    {
        GuestMemory memory = GuestMemory.Map(file, offset, bytes);
        UffdDescriptor? guard = UffdDescriptor.TryOpen(
            UffdOpenPath.Any, UffdOpenFlags.CloseOnExec | UffdOpenFlags.NonBlock | UffdOpenFlags.UserModeOnly, out _);
        if (guard is not null && guard.Handshake(UffdFeatures.None, out _) == Errno.None
            && guard.Register(memory.Address, memory.Bytes, RegisterModes.Missing, out _) == Errno.None)
            return new FileWindow(memory, guard);
        guard?.Dispose();
        return new FileWindow(memory, null);
    }

    /// <summary>Copies bytes of one page out, if the file has it.</summary>
    public bool TryRead(ProcessMemory own, long offset, Span<byte> destination) =>
        (_guard is not null || _memory.IsCached(offset)) && own.TryRead(_memory.Address + (ulong)offset, destination);

    /// <inheritdoc />
    public void Dispose()
    {
        _guard?.Dispose();
        _memory.Dispose();
    }
}
