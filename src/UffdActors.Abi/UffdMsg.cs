using System.Runtime.InteropServices;

namespace UffdActors.Abi;

/// <summary>
/// The 32-byte message of a userfaultfd (<c>struct uffd_msg</c>). The union of the header is laid out as three words
/// with one named property for each meaning; bytes that a kind of message does not use are zero.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
public readonly record struct UffdMsg
{
    /// <summary>Size of a message; a read takes whole messages only.</summary>
    public const int SizeInBytes = 32;

    [FieldOffset(0)] private readonly UffdEvent _event;
    [FieldOffset(8)] private readonly ulong _word0;
    [FieldOffset(16)] private readonly ulong _word1;
    [FieldOffset(24)] private readonly ulong _word2;

    private UffdMsg(UffdEvent kind, ulong word0, ulong word1, ulong word2)
    {
        _event = kind;
        _word0 = word0;
        _word1 = word1;
        _word2 = word2;
    }

    /// <summary>What happened.</summary>
    public UffdEvent Event => _event;

    /// <summary>Pagefault: why.</summary>
    public FaultFlags Flags => (FaultFlags)_word0;

    /// <summary>Pagefault: where; rounded down to the page unless EXACT_ADDRESS was asked for.</summary>
    public ulong Address => _word1;

    /// <summary>Pagefault: the faulting thread if THREAD_ID was asked for, else 0.</summary>
    public uint ThreadId => (uint)_word2;

    /// <summary>Fork: descriptor of the child's context.</summary>
    public uint ForkDescriptor => (uint)_word0;

    /// <summary>Remap: old start.</summary>
    public ulong From => _word0;

    /// <summary>Remap: new start.</summary>
    public ulong To => _word1;

    /// <summary>Remap: length in bytes.</summary>
    public ulong Length => _word2;

    /// <summary>Remove, unmap: first address.</summary>
    public ulong Start => _word0;

    /// <summary>Remove, unmap: first address behind the range.</summary>
    public ulong End => _word1;

    /// <summary>A fault message.</summary>
    public static UffdMsg Pagefault(FaultFlags flags, ulong address, uint threadId) =>
        new(UffdEvent.Pagefault, (ulong)flags, address, threadId);

    /// <summary>A fork event.</summary>
    public static UffdMsg Fork(uint descriptor) => new(UffdEvent.Fork, descriptor, 0, 0);

    /// <summary>A remap event.</summary>
    public static UffdMsg Remap(ulong from, ulong to, ulong length) => new(UffdEvent.Remap, from, to, length);

    /// <summary>A remove event; <paramref name="end"/> is exclusive.</summary>
    public static UffdMsg Remove(ulong start, ulong end) => new(UffdEvent.Remove, start, end, 0);

    /// <summary>An unmap event; <paramref name="end"/> is exclusive.</summary>
    public static UffdMsg Unmap(ulong start, ulong end) => new(UffdEvent.Unmap, start, end, 0);
}
