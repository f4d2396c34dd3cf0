using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>
/// The outstanding pages of a context: at most one request a page, any number of waiting threads (RING R9). A hash table with chains
/// through the requests themselves, so that adding and removing allocate nothing.
/// </summary>
internal sealed class OutstandingPages
{
    private PageRequest?[] _buckets = new PageRequest?[16];

    /// <summary>Requests in the table.</summary>
    public int Count { get; private set; }

    /// <summary>The request for a page, or null.</summary>
    public PageRequest? Find(ulong address)
    {
        for (PageRequest? request = _buckets[BucketOf(address)]; request is not null; request = request.Next)
        {
            if (request.Address == address) return request;
        }

        return null;
    }

    /// <summary>Adds a request; its page must not be there yet.</summary>
    public void Add(PageRequest request)
    {
        if (Count == _buckets.Length) Grow();
        ref PageRequest? head = ref _buckets[BucketOf(request.Address)];
        request.Next = head;
        head = request;
        Count++;
    }

    /// <summary>Removes a request.</summary>
    /// <returns>False if it is not in the table (any more).</returns>
    public bool Remove(PageRequest request)
    {
        int bucket = BucketOf(request.Address);
        PageRequest? previous = null;
        for (PageRequest? at = _buckets[bucket]; at is not null; previous = at, at = at.Next)
        {
            if (!ReferenceEquals(at, request)) continue;
            if (previous is null) _buckets[bucket] = at.Next;
            else previous.Next = at.Next;
            request.Next = null;
            Count--;
            return true;
        }

        return false;
    }

    /// <summary>All requests, in no particular but a repeatable order.</summary>
    public List<PageRequest> All()
    {
        List<PageRequest> all = new(Count);
        foreach (PageRequest? head in _buckets)
        {
            for (PageRequest? request = head; request is not null; request = request.Next) all.Add(request);
        }

        return all;
    }

    private void Grow()
    {
        List<PageRequest> all = All();
        _buckets = new PageRequest?[_buckets.Length * 2];
        foreach (PageRequest request in all)
        {
            ref PageRequest? head = ref _buckets[BucketOf(request.Address)];
            request.Next = head;
            head = request;
        }
    }

    private int BucketOf(ulong address) => GoldenRatio.Bucket(address, _buckets.Length);
}
