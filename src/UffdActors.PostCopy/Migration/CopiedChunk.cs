using UffdActors.Model.Memory;
using UffdActors.PostCopy.Wire;

namespace UffdActors.PostCopy.Migration;

/// <summary>A run of copied pages; memory only if one of them has bytes.</summary>
internal sealed class CopiedChunk : IDisposable
{
    private readonly CopiedContent[] _content = new CopiedContent[WireLimits.PagesAFrame];
    private NativeBuffer? _bytes;

    /// <summary>State of a page.</summary>
    public CopiedContent Of(int page) => _content[page];

    /// <summary>Takes the pages of a frame; of a truncated one, missing pages are <see cref="CopiedContent.None"/>.</summary>
    public void Take(Lane lane, int first, in FrameHeader header, byte[] runs)
    {
        Array.Clear(_content, first, header.Pages);
        int page = first;
        for (int i = 0; i < header.Runs; i++)
        {
            (int pages, bool hasBytes) = PageRuns.Read(runs.AsSpan(i * FrameHeader.RunBytes));
            if (hasBytes)
            {
                _bytes ??= new NativeBuffer(WireLimits.ContentBytes);
                lane.Read(_bytes.Slice(page << PageSize.BaseShift, pages << PageSize.BaseShift));
            }

            Array.Fill(_content, hasBytes ? CopiedContent.Bytes : CopiedContent.Zero, page, pages);
            page += pages;
        }
    }

    /// <summary>Discards a page: its content is old.</summary>
    public void Discard(int page) => _content[page] = CopiedContent.None;

    /// <summary>Copies pages out.</summary>
    public void Read(int page, Span<byte> bytes) => _bytes!.Read((long)page << PageSize.BaseShift, bytes);

    /// <inheritdoc />
    public void Dispose() => _bytes?.Dispose();
}
