using System.Runtime.InteropServices;
using UffdActors.Model.Memory;

namespace UffdActors.Bench;

/// <summary>
/// A memory image as large as the guest, every page with other bytes, so that no copy finds its source in the CPU's cache from an earlier
/// copy. Answers at once, and never that a page is zeros.
/// </summary>
internal sealed class BytePages : IPageSource, IContentCheck
{
    private readonly NativeBuffer _bytes;

    public BytePages(long pages)
    {
        Pages = pages;
        _bytes = new NativeBuffer(pages << PageSize.BaseShift);
        var page = new ulong[PageSize.Base / sizeof(ulong)];
        for (long i = 0; i < pages; i++)
        {
            page.AsSpan().Fill(WordOf(i));
            _bytes.Write(i << PageSize.BaseShift, MemoryMarshal.AsBytes(page.AsSpan()));
        }
    }

    /// <inheritdoc />
    public long Pages { get; }

    /// <summary>First byte of the image.</summary>
    public nint Address => _bytes.Address;

    /// <inheritdoc />
    public bool AnswersAtOnce => true;

    /// <inheritdoc />
    public void Request(in PageOrder order, IPageReceiver receiver) =>
        receiver.Received(
            order.Id, order.FirstPage, order.Pages, SourceContent.Bytes, _bytes.Address + (nint)(order.FirstPage << PageSize.BaseShift));

    /// <inheritdoc />
    public ulong? WordAt(int region, long page, int offset) => WordOf(page);

    /// <inheritdoc />
    public void Dispose() => _bytes.Dispose();

    private static ulong WordOf(long page) => GoldenRatio.Hash((ulong)page + 1);
}
