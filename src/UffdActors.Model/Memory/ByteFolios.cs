using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace UffdActors.Model.Memory;

/// <summary>Folios of real bytes in one native block, reserved in full at the start.</summary>
/// <remarks>
/// A free folio holds the number of the next free one in its own first bytes, so the free list needs no memory; references beyond the first
/// are counted in two bytes a folio.
/// </remarks>
internal sealed unsafe class ByteFolios : FolioStore
{
    private readonly byte* _content;
    private readonly ushort* _extraShares;
    private readonly uint _capacity;
    private uint _freeHead;
    private uint _neverUsed = 1;
    private long _inUse;
    private int _lock;
    private bool _disposed;

    /// <summary>Reserves memory for <paramref name="capacity"/> folios; it is committed when touched.</summary>
    /// <param name="folioSize">Bytes in a folio, a power of two.</param>
    /// <param name="capacity">Folios, at most <see cref="FolioStore.MaxFolio"/>.</param>
    public ByteFolios(int folioSize, long capacity)
        : base(folioSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, MaxFolio);
        _capacity = (uint)capacity;
        _content = (byte*)NativeMemory.AlignedAlloc((nuint)(capacity + 1) * (nuint)folioSize, PageSize.Base);
        _extraShares = (ushort*)NativeMemory.AllocZeroed((nuint)capacity + 1, sizeof(ushort));
    }

    /// <summary>Frees the content of a store that was not disposed of.</summary>
    ~ByteFolios() => FreeNative();

    /// <inheritdoc />
    public override long InUse => Volatile.Read(ref _inUse);

    /// <inheritdoc />
    public override long BookkeepingBytes => ((long)_capacity + 1) * sizeof(ushort);

    /// <summary>Address of a folio's bytes; valid until <see cref="Dispose"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Address(uint folio) => _content + ((nuint)folio * (nuint)FolioSize);

    /// <summary>Touches the pages of folios that are not used yet, so that measurements do not include the host's page faults.</summary>
    /// <param name="pages">Base pages, at most.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="OperationCanceledException">Cancelled; some of it is touched.</exception>
    public void Prefault(long pages = long.MaxValue, CancellationToken cancel = default)
    {
        // How often cancellation is checked: 64 MiB take some tens of milliseconds.
        const nuint Stretch = 64 << 20;
        nuint bytes = (nuint)(_capacity + 1) * (nuint)FolioSize;
        for (nuint offset = (nuint)FolioSize * _neverUsed; offset < bytes && pages-- > 0; offset += PageSize.Base)
        {
            if (offset % Stretch == 0) cancel.ThrowIfCancellationRequested();
            _content[offset] = 0;
        }
    }

    /// <inheritdoc />
    internal override bool IsKnown(uint folio) => folio != None && folio < Volatile.Read(ref _neverUsed);

    /// <inheritdoc />
    public override uint AllocateZeroed()
    {
        uint folio = Allocate();
        if (folio != None) NativeMemory.Clear(Address(folio), (nuint)FolioSize);
        return folio;
    }

    /// <inheritdoc />
    public override uint AllocateCopy(uint folio)
    {
        uint copy = Allocate();
        if (copy != None) NativeMemory.Copy(Address(folio), Address(copy), (nuint)FolioSize);
        return copy;
    }

    /// <inheritdoc />
    public override uint AllocateFrom(in FillSource source)
    {
        uint folio = Allocate();
        if (folio == None) return None;
        switch (source.Kind)
        {
            case FillSourceKind.Zero:
                NativeMemory.Clear(Address(folio), (nuint)FolioSize);
                break;
            case FillSourceKind.Buffer:
                NativeMemory.Copy((void*)source.Word, Address(folio), (nuint)FolioSize);
                break;
            case FillSourceKind.Stamp:
                new Span<ulong>(Address(folio), FolioSize / sizeof(ulong)).Fill(source.Word);
                break;
            default:
                throw new ArgumentException($"A folio cannot be filled from {source.Kind} without reading it first.", nameof(source));
        }

        return folio;
    }

    /// <inheritdoc />
    public override void Free(uint folio)
    {
        if (folio == None) return;
        Enter();
        if (_extraShares[folio] > 0)
        {
            _extraShares[folio]--;
        }
        else
        {
            *(uint*)Address(folio) = _freeHead;
            _freeHead = folio;
            _inUse--;
        }

        Exit();
    }

    /// <inheritdoc />
    public override void Share(uint folio)
    {
        Enter();
        _extraShares[folio] = checked((ushort)(_extraShares[folio] + 1));
        Exit();
    }

    /// <inheritdoc />
    public override bool IsShared(uint folio) => Volatile.Read(ref _extraShares[folio]) > 0;

    /// <inheritdoc />
    public override void CopyPart(ref uint folio, int offset, FolioStore from, uint source, int sourceOffset, int length)
    {
        byte* to = Address(folio) + offset;
        if (source == None) NativeMemory.Clear(to, (nuint)length);
        else NativeMemory.Copy(((ByteFolios)from).Address(source) + sourceOffset, to, (nuint)length);
    }

    /// <inheritdoc />
    public override void CopyIn(uint folio, int offset, nint source, int length) =>
        NativeMemory.Copy((void*)source, Address(folio) + offset, (nuint)length);

    /// <inheritdoc />
    public override byte ReadByte(uint folio, int offset) => folio == None ? (byte)0 : Volatile.Read(ref Address(folio)[offset]);

    /// <inheritdoc />
    public override void WriteByte(uint folio, int offset, byte value) => Volatile.Write(ref Address(folio)[offset], value);

    /// <inheritdoc />
    public override ulong ReadLane(uint folio, int offset) =>
        folio == None ? 0 : Volatile.Read(ref *(ulong*)(Address(folio) + offset));

    /// <inheritdoc />
    public override void WriteLane(uint folio, int offset, ulong value) =>
        Volatile.Write(ref *(ulong*)(Address(folio) + offset), value);

    /// <inheritdoc />
    public override void CopyOut(uint folio, int offset, Span<byte> destination)
    {
        if (folio == None) destination.Clear();
        else new ReadOnlySpan<byte>(Address(folio) + offset, destination.Length).CopyTo(destination);
    }

    /// <inheritdoc />
    public override void Dispose()
    {
        FreeNative();
        GC.SuppressFinalize(this);
    }

    private uint Allocate()
    {
        Enter();
        uint folio = _freeHead;
        if (folio != None)
        {
            _freeHead = *(uint*)Address(folio);
            _inUse++;
        }
        else if (_neverUsed <= _capacity)
        {
            folio = _neverUsed++;
            _inUse++;
        }

        Exit();
        return folio;
    }

    // A spin lock, since it is held for a few instructions and taken once a fault.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Enter()
    {
        if (Interlocked.CompareExchange(ref _lock, 1, 0) != 0) EnterContended();
    }

    private void EnterContended()
    {
        SpinWait spin = default;
        while (Interlocked.CompareExchange(ref _lock, 1, 0) != 0) spin.SpinOnce();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Exit() => Volatile.Write(ref _lock, 0);

    private void FreeNative()
    {
        if (_disposed) return;
        _disposed = true;
        NativeMemory.AlignedFree(_content);
        NativeMemory.Free(_extraShares);
    }
}
