namespace UffdActors.Handling;

/// <summary>Requests that are done with, to be used again, in a chain for each handler: once it is warm, a fault allocates none.</summary>
/// <remarks>A struct: the reader reaches the chains as directly as fields of its own.</remarks>
internal readonly struct RequestPool(int handlers)
{
    private readonly PageRequest?[] _free = new PageRequest?[handlers];

    /// <summary>Takes a request of a handler.</summary>
    /// <param name="handler">Number of the handler.</param>
    /// <param name="pages">Base pages that the request is about.</param>
    /// <returns>Null if none is free: a new one is needed.</returns>
    public PageRequest? Take(int handler, int pages)
    {
        // Of several sizes only where a context has regions of several page sizes.
        PageRequest? before = null;
        PageRequest? request = _free[handler];
        while (request is not null && request.Pages != pages) (before, request) = (request, request.Next);
        if (request is null) return null;
        if (before is null) _free[handler] = request.Next;
        else before.Next = request.Next;
        request.Next = null;
        return request;
    }

    /// <summary>Gives a request back.</summary>
    public void Give(PageRequest request)
    {
        request.Trace = null;
        request.Failure = null;
        ref PageRequest? free = ref _free[request.Handler.Number];
        request.Next = free;
        free = request;
    }
}
