using UffdActors.Model.Memory;

namespace UffdActors.Stress.Guest;

/// <summary>
/// The source's copy of the guest: the content that an absent page must be filled with. Written only while no fill reads it.
/// </summary>
internal sealed class ShadowPages : IDisposable
{
    private readonly NativeBuffer _bytes;
    private readonly bool[] _zero;

    public ShadowPages(int pages)
    {
        _bytes = new NativeBuffer((long)pages << PageSize.BaseShift);
        _zero = new bool[pages];
    }

    /// <summary>Address of a page.</summary>
    public nint AddressOf(long page) => _bytes.Address + (nint)(page << PageSize.BaseShift);

    /// <summary>True if a page is zeros, which need not be copied.</summary>
    public bool IsZero(long page) => _zero[page];

    /// <summary>Copies a page from the ledger.</summary>
    public void Update(Ledger ledger, long page)
    {
        Span<byte> bytes = stackalloc byte[PageSize.Base];
        ledger.WritePage(page, bytes);
        _bytes.Write(page << PageSize.BaseShift, bytes);
        _zero[page] = !bytes.ContainsAnyExcept((byte)0);
    }

    /// <summary>True if a page has exactly this content.</summary>
    public bool Holds(long page, ReadOnlySpan<byte> bytes)
    {
        Span<byte> held = stackalloc byte[PageSize.Base];
        _bytes.Read(page << PageSize.BaseShift, held);
        return bytes.SequenceEqual(held);
    }

    /// <inheritdoc />
    public void Dispose() => _bytes.Dispose();
}
