using System.Runtime.InteropServices;
using UffdActors.Linux.Native;

namespace UffdActors.Linux.Userfaultfd;

/// <summary>A part of a file, mapped and shared: what is stored here is in the file at once, whatever becomes of this process.</summary>
internal sealed unsafe class JournalMap : SafeHandle
{
    private readonly nuint _bytes;

    /// <summary>Maps it.</summary>
    /// <exception cref="SyscallException">The kernel refuses.</exception>
    public JournalMap(int descriptor, long offset, long bytes)
        : base(Mm.MAP_FAILED, true)
    {
        _bytes = (nuint)bytes;
        SetHandle(Libc.MMap(0, _bytes, Mm.PROT_READ | Mm.PROT_WRITE, Mm.MAP_SHARED, descriptor, offset));
        if (IsInvalid) throw new SyscallException("mmap(journal)", Libc.LastError);
    }

    /// <inheritdoc />
    public override bool IsInvalid => handle == Mm.MAP_FAILED;

    /// <summary>Where it is.</summary>
    public byte* Address => (byte*)handle;

    /// <inheritdoc />
    protected override bool ReleaseHandle() => Libc.MUnmap(handle, _bytes) == 0;
}
