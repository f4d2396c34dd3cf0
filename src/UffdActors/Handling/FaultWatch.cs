namespace UffdActors.Handling;

/// <summary>
/// The outstanding requests of a context by age, so that the oldest can be told to the watchdog at any time. The order is a
/// chain through the requests themselves: adding and removing touch its ends and neighbours only.
/// </summary>
/// <remarks>In turns of the context's actor and its handlers, on one thread.</remarks>
internal abstract class FaultWatch
{
    private PageRequest? _oldest;
    private PageRequest? _youngest;

    /// <summary>A request is outstanding from now on.</summary>
    public void Add(PageRequest request, long raised, uint thread)
    {
        request.Raised = raised;
        request.Thread = thread;
        request.IsWatched = true;
        request.Older = _youngest;
        if (_youngest is null) _oldest = request;
        else _youngest.Younger = request;
        _youngest = request;
        if (ReferenceEquals(_oldest, request)) Publish(request);
    }

    /// <summary>A request is outstanding no more, or was given up and reported: then it is not late.</summary>
    public void Remove(PageRequest request)
    {
        if (!request.IsWatched) return;
        request.IsWatched = false;
        (PageRequest? older, PageRequest? younger) = (request.Older, request.Younger);
        request.Older = request.Younger = null;
        if (younger is null) _youngest = older;
        else younger.Older = older;
        if (older is null) _oldest = younger;
        else older.Younger = younger;
        if (older is null) Publish(younger);
    }

    /// <summary>Says which request is the oldest; null if none is outstanding.</summary>
    protected abstract void Publish(PageRequest? oldest);
}
