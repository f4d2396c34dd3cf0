using System.Runtime.InteropServices;

namespace UffdActors.Model.Memory;

/// <summary>
/// Native memory for page content: images, sources of COPY, buffers of the wire. Never on the garbage-collected heap, and never in a
/// registered range. Safe for any thread as far as the bytes are.
/// </summary>
public sealed unsafe class NativeBuffer : SafeHandle
{
    private readonly nint _block;

    /// <summary>Allocates zeroed memory, aligned to a page. A large one is committed as it is touched.</summary>
    /// <param name="bytes">Size, at least 1.</param>
    /// <exception cref="OutOfMemoryException">The allocation failed.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1.</exception>
    public NativeBuffer(long bytes)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        Bytes = bytes;
        // calloc uses fresh zero pages as they are; an aligned allocation would have to be cleared, which commits it.
        _block = (nint)NativeMemory.AllocZeroed((nuint)bytes + PageSize.Base - 1);
        SetHandle((_block + PageSize.Base - 1) & ~(nint)(PageSize.Base - 1));
    }

    /// <summary>Size in bytes.</summary>
    public long Bytes { get; }

    /// <summary>First byte; valid until the buffer is disposed of.</summary>
    public nint Address => handle;

    /// <inheritdoc />
    public override bool IsInvalid => handle == 0;

    /// <summary>True if a range holds zeros only.</summary>
    public bool IsZero(long offset, int length) => !Slice(offset, length).ContainsAnyExcept((byte)0);

    /// <summary>Copies bytes in.</summary>
    public void Write(long offset, ReadOnlySpan<byte> bytes) => bytes.CopyTo(Slice(offset, bytes.Length));

    /// <summary>Copies native bytes in. They may lie in this buffer themselves.</summary>
    /// <param name="offset">First byte written.</param>
    /// <param name="source">Native memory that stays valid for the call.</param>
    /// <param name="length">Bytes.</param>
    public void CopyFrom(long offset, nint source, int length) =>
        new ReadOnlySpan<byte>((void*)source, length).CopyTo(Slice(offset, length));

    /// <summary>Makes a range zeros.</summary>
    public void Clear(long offset, int length) => Slice(offset, length).Clear();

    /// <summary>Copies bytes out.</summary>
    public void Read(long offset, Span<byte> bytes) => Slice(offset, bytes.Length).CopyTo(bytes);

    /// <summary>Eight bytes, little endian, at an offset that is a multiple of 8.</summary>
    public ulong ReadWord(long offset)
    {
        _ = Slice(offset, sizeof(ulong));
        return *(ulong*)(handle + (nint)offset);
    }

    /// <summary>Native bytes that the caller knows to be there for as long as the span is used.</summary>
    internal static Span<byte> At(nint address, int bytes) => new((void*)address, bytes);

    /// <inheritdoc />
    protected override bool ReleaseHandle()
    {
        NativeMemory.Free((void*)_block);
        return true;
    }

    /// <summary>A part of it, valid until the buffer is disposed of.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie in the buffer.</exception>
    public Span<byte> Slice(long offset, int length)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + length, Bytes);
        return new Span<byte>((byte*)handle + offset, length);
    }
}
