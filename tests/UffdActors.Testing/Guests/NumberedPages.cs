using System.Runtime.InteropServices;
using UffdActors.Model.Memory;

namespace UffdActors.Testing.Guests;

/// <summary>Pages whose words say which page they are.</summary>
internal sealed class NumberedPages : IDisposable
{
    private readonly NativeBuffer _bytes;

    public NumberedPages(int pages)
    {
        _bytes = new NativeBuffer(pages << PageSize.BaseShift);
        ulong[] words = new ulong[PageSize.Base / sizeof(ulong)];
        for (int page = 0; page < pages; page++)
        {
            words.AsSpan().Fill(WordOf(page));
            _bytes.Write(page << PageSize.BaseShift, MemoryMarshal.AsBytes(words.AsSpan()));
        }
    }

    /// <summary>Each word of a page.</summary>
    public static ulong WordOf(long page) => 0xABCD_0000_0000_0000 | (ulong)page;

    /// <summary>Where a page lies; those behind it follow.</summary>
    public nint AddressOf(long page) => _bytes.Address + (nint)(page << PageSize.BaseShift);

    public void Dispose() => _bytes.Dispose();
}
