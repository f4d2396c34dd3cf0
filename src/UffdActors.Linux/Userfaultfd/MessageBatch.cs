using System.Runtime.InteropServices;
using UffdActors.Abi;

namespace UffdActors.Linux.Userfaultfd;

/// <summary>A native buffer of messages that a read fills, made once and used again. For one thread at a time.</summary>
internal sealed unsafe class MessageBatch : SafeHandle
{
    private readonly bool _owns = true;

    /// <summary>Allocates room.</summary>
    /// <param name="capacity">Messages that one read may return, 1 to 4096.</param>
    public MessageBatch(int capacity)
        : base(0, true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, 4096);
        Capacity = capacity;
        SetHandle((nint)NativeMemory.AllocZeroed((nuint)capacity, UffdMsg.SizeInBytes));
    }

    /// <summary>Uses room of others.</summary>
    /// <param name="address">Room for the messages, which stays its owner's.</param>
    /// <param name="capacity">Messages that one read may return.</param>
    public MessageBatch(nint address, int capacity)
        : base(0, true)
    {
        _owns = false;
        Capacity = capacity;
        SetHandle(address);
    }

    /// <summary>Messages that fit.</summary>
    public int Capacity { get; }

    /// <summary>Messages that the latest read returned.</summary>
    public int Count { get; internal set; }

    /// <inheritdoc />
    public override bool IsInvalid => handle == 0;

    /// <summary>A message of the latest read, oldest first.</summary>
    public ref readonly UffdMsg this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count);
            return ref ((UffdMsg*)handle)[index];
        }
    }

    internal void* Pointer => (void*)handle;

    /// <inheritdoc />
    protected override bool ReleaseHandle()
    {
        if (_owns) NativeMemory.Free((void*)handle);
        return true;
    }
}
