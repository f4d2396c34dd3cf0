namespace UffdActors.Model.Memory;

/// <summary>
/// Physical memory: folios of one size, named by a small number. The store defines how content is represented:
/// real bytes (<see cref="ByteFolios"/>), runs of equal bytes (<see cref="RunFolios"/>), or one stamp (<see cref="StampFolios"/>).
/// </summary>
/// <remarks>
/// Safe for any thread. A folio has one owner (an entry, a cache slot, or an operation on its way) until it is shared by fork;
/// the content of a folio is written by the one thread that the page protocol allows to write, so the store takes no lock for it.
/// Everything that allocates returns <see cref="None"/> when memory is used up.
/// </remarks>
public abstract class FolioStore : IDisposable
{
    /// <summary>No folio. Folio numbers start at 1.</summary>
    public const uint None = 0;

    /// <summary>Highest folio number that an entry can hold: 26 bits.</summary>
    public const uint MaxFolio = (1 << 26) - 1;

    private protected FolioStore(int folioSize) => FolioSize = folioSize;

    /// <summary>Bytes in a folio.</summary>
    public int FolioSize { get; }

    /// <summary>Folios in use.</summary>
    public abstract long InUse { get; }

    /// <summary>Native bytes of bookkeeping, without content.</summary>
    public abstract long BookkeepingBytes { get; }

    /// <summary>
    /// True if a folio number names memory: <see cref="None"/> from a hook means that there was none. False for phantom content, where the
    /// number itself is the content (<see cref="StampFolios"/>): then 0 is a page of zeros, and no sign of failure. A module asks this
    /// before it takes <see cref="None"/> for a lack of memory.
    /// </summary>
    public virtual bool HasIdentity => true;

    /// <summary>False for a number that this store has never given out: there is no memory behind it.</summary>
    internal abstract bool IsKnown(uint folio);

    /// <summary>A folio of zeros.</summary>
    public abstract uint AllocateZeroed();

    /// <summary>A folio with the same content as another of this store.</summary>
    public abstract uint AllocateCopy(uint folio);

    /// <summary>A folio filled from a source that never sleeps (anything but <see cref="FillSourceKind.User"/>).</summary>
    public abstract uint AllocateFrom(in FillSource source);

    /// <summary>Gives a folio back, or one share of it. <see cref="None"/> is allowed.</summary>
    public abstract void Free(uint folio);

    /// <summary>Adds an owner (fork).</summary>
    public abstract void Share(uint folio);

    /// <summary>True if more than one owner holds the folio.</summary>
    public abstract bool IsShared(uint folio);

    /// <summary>Copies part of another folio, which may be of another store of the same kind.</summary>
    /// <param name="folio">Destination. By reference, since the number can be the content.</param>
    /// <param name="offset">First byte written.</param>
    /// <param name="from">Store of the source.</param>
    /// <param name="source">Source folio; <see cref="None"/> reads as zeros.</param>
    /// <param name="sourceOffset">First byte read.</param>
    /// <param name="length">Bytes.</param>
    public abstract void CopyPart(ref uint folio, int offset, FolioStore from, uint source, int sourceOffset, int length);

    /// <summary>Writes bytes from native memory.</summary>
    /// <param name="folio">Destination.</param>
    /// <param name="offset">First byte written.</param>
    /// <param name="source">Address of the bytes.</param>
    /// <param name="length">Bytes.</param>
    public abstract void CopyIn(uint folio, int offset, nint source, int length);

    /// <summary>One byte; a folio of <see cref="None"/> reads as zeros.</summary>
    public abstract byte ReadByte(uint folio, int offset);

    /// <summary>Writes one byte.</summary>
    public abstract void WriteByte(uint folio, int offset, byte value);

    /// <summary>Eight bytes, little endian, at an offset that is a multiple of 8.</summary>
    public abstract ulong ReadLane(uint folio, int offset);

    /// <summary>Writes eight bytes at an offset that is a multiple of 8, in one step.</summary>
    public abstract void WriteLane(uint folio, int offset, ulong value);

    /// <summary>Copies content out; offset and length lie inside the folio.</summary>
    public abstract void CopyOut(uint folio, int offset, Span<byte> destination);

    /// <inheritdoc />
    public abstract void Dispose();
}
