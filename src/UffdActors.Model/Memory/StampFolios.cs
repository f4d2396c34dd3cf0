namespace UffdActors.Model.Memory;

/// <summary>
/// Phantom content: a page is one number of ten bits that says where its content came from; 0 is a page of zeros. There is no
/// memory behind it, so a guest of a terabyte fits in half a gigabyte. Writes of a guest leave the stamp as it is.
/// </summary>
internal sealed class StampFolios : FolioStore
{
    /// <summary>Largest stamp: what is left of a 16-bit entry.</summary>
    public const uint MaxStamp = (1 << 10) - 1;

    /// <summary>Makes a store; it holds nothing.</summary>
    /// <param name="folioSize">Bytes that a page stands for.</param>
    public StampFolios(int folioSize)
        : base(folioSize)
    {
    }

    /// <inheritdoc />
    public override long InUse => 0;

    /// <inheritdoc />
    public override long BookkeepingBytes => 0;

    /// <inheritdoc />
    public override bool HasIdentity => false;

    /// <summary>The stamp that stands for a page of an image: never 0, which means zeros.</summary>
    public static uint StampOf(ulong number) => (uint)((GoldenRatio.Hash(number) >> 40) % MaxStamp) + 1;

    /// <inheritdoc />
    internal override bool IsKnown(uint folio) => true;

    /// <inheritdoc />
    public override uint AllocateZeroed() => 0;

    /// <inheritdoc />
    public override uint AllocateCopy(uint folio) => folio;

    /// <inheritdoc />
    public override uint AllocateFrom(in FillSource source) => source.Kind switch
    {
        FillSourceKind.Zero => 0,
        FillSourceKind.Stamp => (uint)source.Word & MaxStamp,
        _ => throw new ArgumentException($"Phantom content has no bytes to take from {source.Kind}.", nameof(source)),
    };

    /// <inheritdoc />
    public override void Free(uint folio)
    {
    }

    /// <inheritdoc />
    public override void Share(uint folio)
    {
    }

    /// <inheritdoc />
    public override bool IsShared(uint folio) => false;

    /// <inheritdoc />
    public override void CopyPart(ref uint folio, int offset, FolioStore from, uint source, int sourceOffset, int length)
    {
        if (offset == 0) folio = source;
    }

    /// <inheritdoc />
    public override void CopyIn(uint folio, int offset, nint source, int length)
    {
    }

    /// <inheritdoc />
    public override byte ReadByte(uint folio, int offset) => (byte)folio;

    /// <inheritdoc />
    public override void WriteByte(uint folio, int offset, byte value)
    {
    }

    /// <inheritdoc />
    public override ulong ReadLane(uint folio, int offset) => folio;

    /// <inheritdoc />
    public override void WriteLane(uint folio, int offset, ulong value)
    {
    }

    /// <inheritdoc />
    public override void CopyOut(uint folio, int offset, Span<byte> destination) => destination.Fill((byte)folio);

    /// <inheritdoc />
    public override void Dispose()
    {
    }
}
