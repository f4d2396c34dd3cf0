namespace UffdActors.Actors;

/// <summary>What the background push has done; written in its turns, read from anywhere.</summary>
internal sealed class PushProgress(TaskCompletionSource finished)
{
    private long _pages;
    private long _zeroPages;

    /// <summary>Pages of the region's own size filled with content.</summary>
    public long Pages
    {
        get => Volatile.Read(ref _pages);
        set => Volatile.Write(ref _pages, value);
    }

    /// <summary>Pages of the region's own size filled with zeros.</summary>
    public long ZeroPages
    {
        get => Volatile.Read(ref _zeroPages);
        set => Volatile.Write(ref _zeroPages, value);
    }

    /// <summary>Ends when every page of the region has been received.</summary>
    public TaskCompletionSource Finished { get; } = finished;
}
