using UffdActors.Model.Memory;
using UffdActors.Serve.WorkingSets;

namespace UffdActors.Serve.Content;

/// <summary>The pages of one guest, out of the content of its snapshot: each region from its place in the memory file on.</summary>
/// <param name="content">The content; stays the caller's.</param>
/// <param name="offsets">Byte of the file at which each region begins, by the number of the region.</param>
/// <param name="pages">Base pages of all regions.</param>
/// <param name="touched">Told of what the guest asks for; null for nobody.</param>
internal sealed class GuestSource(IContent content, IReadOnlyList<long> offsets, long pages, TouchedPages? touched = null) : IPageSource
{
    private readonly ContentReader _reader = new(new ContentReads(), new ReadLane(ReadPool.Shared));

    /// <summary>Its read counters.</summary>
    public ContentReads Reads => _reader.Reads;

    /// <inheritdoc />
    public long Pages => pages;

    /// <inheritdoc />
    public bool AnswersAtOnce => false;

    /// <inheritdoc />
    public bool TryAnswer(in PageOrder order, IPageReceiver receiver)
    {
        long distance = DistanceOf(order.Region);
        // Called for every demand and for no push, so what the guest asks for is recorded here.
        touched?.Note(order.FirstPage + distance, order.Pages);
        return content.TryAnswer(order, distance, _reader, receiver);
    }

    /// <inheritdoc />
    public void Request(in PageOrder order, IPageReceiver receiver) =>
        content.Request(order, DistanceOf(order.Region), _reader, receiver);

    /// <inheritdoc />
    public void Dispose()
    {
    }

    private long DistanceOf(int region) => offsets[region] >> PageSize.BaseShift;
}
