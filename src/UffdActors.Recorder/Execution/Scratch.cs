using UffdActors.Linux;
using UffdActors.Linux.Native;
using UffdActors.Model.Memory;

namespace UffdActors.Recorder.Execution;

/// <summary>
/// Native pages of one thread, outside the arena, from which its calls take their arguments: one that can be written, and a read-only one,
/// for calls that are meant to fail when they write their result.
/// </summary>
internal sealed class Scratch
{
    private const int Pages = 2;

    public Scratch()
    {
        CallResult mapped = RawCalls.Map(
            0, Pages * PageSize.Base, Mm.PROT_READ | Mm.PROT_WRITE, Mm.MAP_PRIVATE | Mm.MAP_ANONYMOUS, -1, 0);
        if (mapped.Return == -1) throw new SyscallException("mmap", mapped.Error);
        Writable = (ulong)mapped.Return;
        ReadOnly = Writable + PageSize.Base;
        (PipeRead, PipeWrite) = RawCalls.MakePipe();
        // The page must be present before a call reads it.
        SetReadOnly([0]);
    }

    /// <summary>A page for structures and messages.</summary>
    public ulong Writable { get; }

    /// <summary>A read-only page, into which the kernel cannot write a result.</summary>
    public ulong ReadOnly { get; }

    /// <summary>Read end of the pipe through which memory is touched in kernel mode.</summary>
    public int PipeRead { get; }

    /// <summary>Its write end.</summary>
    public int PipeWrite { get; }

    /// <summary>Writes a structure into the read-only page.</summary>
    public void SetReadOnly(ReadOnlySpan<ulong> words)
    {
        _ = RawCalls.Protect(ReadOnly, PageSize.Base, Mm.PROT_READ | Mm.PROT_WRITE);
        RawCalls.WriteWords(ReadOnly, words);
        _ = RawCalls.Protect(ReadOnly, PageSize.Base, Mm.PROT_READ);
    }
}
