using UffdActors.Model.Memory;
using UffdActors.Serve.WorkingSets;

namespace UffdActors.Serve.Content;

/// <summary>The pages of one guest, out of the content of its snapshot: each region from its place in the memory file on.</summary>
/// <param name="content">The content; stays the caller's.</param>
/// <param name="offsets">Byte of the file at which each region begins, by the number of the region.</param>
/// <param name="pages">Base pages of all regions.</param>
/// <param name="touched">Told of what the guest asks for; null for none.</param>
/// <param name="waiting">Pages that the guest waits for; null if it is not to be known.</param>
internal sealed class GuestSource(
    IContent content, IReadOnlyList<long> offsets, long pages, TouchedPages? touched = null, Func<int>? waiting = null) : IPageSource
{
    // A huge page is copied twice, out of the content and to the guest, which take about as long; a base page takes less than a hop.
    private static readonly bool s_hasHelpers = Environment.ProcessorCount > 1;

    private volatile long[] _offsets = [.. offsets];
    private long _pages = pages;
    private readonly ContentReader _reader = new(new ContentReads(), new ReadLane(ReadPool.Shared));

    /// <summary>Its read counters.</summary>
    public ContentReads Reads => _reader.Reads;

    /// <inheritdoc />
    public long Pages => Volatile.Read(ref _pages);

    /// <summary>A region is added, before it is registered. For one thread at a time.</summary>
    /// <param name="offset">Byte of the file at which it begins.</param>
    /// <param name="added">Its base pages.</param>
    public void Add(long offset, long added)
    {
        _offsets = [.. _offsets, offset];
        _ = Interlocked.Add(ref _pages, added);
    }

    /// <summary>Undoes the last addition: the region could not be registered.</summary>
    public void DropLast(long added)
    {
        _offsets = _offsets[..^1];
        _ = Interlocked.Add(ref _pages, -added);
    }

    /// <inheritdoc />
    public bool AnswersAtOnce => false;

    /// <inheritdoc />
    public bool TryAnswer(in PageOrder order, IPageReceiver receiver)
    {
        long distance = DistanceOf(order.Region);
        // Called for every demand and for no push, so what the guest asks for is recorded here.
        touched?.Note(order.FirstPage + distance, order.Pages);
        // While one thread of the guest waits there is nothing that could be done meanwhile.
        if (IsLarge(order) && waiting?.Invoke() > 1) return false;
        return content.TryAnswer(order, distance, _reader, receiver);
    }

    /// <inheritdoc />
    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        long distance = DistanceOf(order.Region);
        if (IsLarge(order)) _reader.Lane.Add(new LargeRead(content, order, distance, _reader, receiver), order.Urgency);
        else content.Request(order, distance, _reader, receiver);
    }

    /// <inheritdoc />
    public void Dispose()
    {
    }

    private static bool IsLarge(in PageOrder order) => s_hasHelpers && order.Pages >= PageSize.Huge / PageSize.Base;

    private long DistanceOf(int region) => _offsets[region] >> PageSize.BaseShift;
}
