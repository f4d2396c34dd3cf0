using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>
/// The content of one page that is larger than a base page, put together from a source's answers about its base pages: one fill needs all
/// of it in one piece. Answers may be short, out of order, and repeated; the first one about a base page counts.
/// </summary>
/// <remarks>For one thread at a time.</remarks>
internal sealed class PageGather
{
    private readonly PageBitmap _taken;
    private NativeBuffer _buffer = null!;
    private long _offset;
    private long _firstPage;
    private long _left;
    private bool _hasBytes;
    private bool _hasStamp;

    /// <param name="pages">Base pages in the page.</param>
    public PageGather(int pages)
    {
        Pages = pages;
        _taken = new PageBitmap(pages);
    }

    /// <summary>Base pages in the page.</summary>
    public int Pages { get; }

    /// <summary>
    /// What it is, once everything is there. A page of phantom memory has one stamp: that of the first base page that has one.
    /// </summary>
    public SourceContent Content { get; private set; }

    /// <summary>Where the bytes are, or the stamp; 0 for zeros.</summary>
    public nint Data { get; private set; }

    /// <summary>Begins with nothing.</summary>
    /// <param name="firstPage">First base page, within the region.</param>
    /// <param name="buffer">Where bytes are gathered; the source may have put them there already, each page at its place.</param>
    /// <param name="offset">Place of the first base page in the buffer, in bytes.</param>
    public void Begin(long firstPage, NativeBuffer buffer, long offset = 0)
    {
        _buffer = buffer;
        _offset = offset;
        _firstPage = firstPage;
        _taken.ClearAll();
        _left = Pages;
        _hasBytes = _hasStamp = false;
        Content = SourceContent.Zero;
        Data = 0;
    }

    /// <summary>Takes what an answer has of the page and was not there before.</summary>
    /// <returns>True once everything is there.</returns>
    public bool Add(long firstPage, int pages, SourceContent content, nint address)
    {
        long from = Math.Max(0, firstPage - _firstPage);
        long to = Math.Min(Pages, firstPage + pages - _firstPage);
        // What it is stays what it is: the next page of a chunk, or an answer that is repeated, has nothing to say of it.
        if (_left == 0 || from >= to) return _left == 0;
        if (content == SourceContent.Bytes) address += (nint)((_firstPage - firstPage) << PageSize.BaseShift);
        if (_left == Pages && from == 0 && to == Pages)
        {
            // All of it at once: used from where it is.
            _left = 0;
            (Content, Data) = (content, address);
            return true;
        }

        for (long page = from; page < to; page++)
        {
            if (!_taken.Set(page)) continue;
            _left--;
            Take(page, content, address);
        }

        if (_left > 0) return false;
        if (!_hasStamp) (Content, Data) = _hasBytes ? (SourceContent.Bytes, Place(0)) : (SourceContent.Zero, 0);
        return true;
    }

    /// <summary>Base pages that were removed are zeros, whatever the source has; so is the whole, if all of them were.</summary>
    /// <param name="region">What has become of the region's pages.</param>
    public void Drop(RegionPages region)
    {
        if (region.IsRemoved(_firstPage, Pages))
        {
            (Content, Data) = (SourceContent.Zero, 0);
            return;
        }

        for (int page = 0; page < Pages && Content == SourceContent.Bytes; page++)
        {
            if (!region.IsRemoved(_firstPage + page)) continue;
            // Not in the source's own memory.
            if (Data != Place(0)) _buffer.CopyFrom(_offset, Data, Pages << PageSize.BaseShift);
            Data = Place(0);
            _buffer.Clear(_offset + ((long)page << PageSize.BaseShift), PageSize.Base);
        }
    }

    private void Take(long page, SourceContent content, nint address)
    {
        long place = page << PageSize.BaseShift;
        switch (content)
        {
            case SourceContent.Zero:
                _buffer.Clear(_offset + place, PageSize.Base);
                break;
            case SourceContent.Bytes:
                _hasBytes = true;
                if (address + (nint)place != Place(page)) _buffer.CopyFrom(_offset + place, address + (nint)place, PageSize.Base);
                break;
            default:
                if (!_hasStamp) (Content, Data) = (SourceContent.Stamp, address);
                _hasStamp = true;
                break;
        }
    }

    private nint Place(long page) => _buffer.Address + (nint)(_offset + (page << PageSize.BaseShift));
}
