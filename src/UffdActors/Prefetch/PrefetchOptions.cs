using UffdActors.Configuration;

namespace UffdActors;

/// <summary>How a background push fetches pages that no thread has faulted on.</summary>
public sealed record PrefetchOptions
{
    /// <summary>Bytes that may be asked for ahead, at most.</summary>
    public const long MaxWindowBytes = 1L << 30;

    /// <summary>Which page comes next; null for <see cref="IPrefetchOrder.Linear"/>. One object serves one push.</summary>
    public IPrefetchOrder? Order { get; init; }

    /// <summary>
    /// Bytes a second that are asked for, at most; 0 for as fast as it goes. Pages of zeros are not counted. Demand is never held back by
    /// it. Can be changed while the push runs (<see cref="BackgroundPush.BytesPerSecond"/>).
    /// </summary>
    public long BytesPerSecond { get; init; }

    /// <summary>
    /// Bytes that may be asked for ahead, 0 to <see cref="MaxWindowBytes"/>; null for what the configuration says
    /// (<c>uffd.push-window-bytes</c>). At least one chunk is asked for; of a source that answers at once nothing is asked for ahead.
    /// </summary>
    public long? WindowBytes { get; init; }

    /// <summary>
    /// The push begins paused: it asks for nothing until <see cref="BackgroundPush.Resume"/>. Pausing one that has begun
    /// (<see cref="BackgroundPush.Pause"/>) may come behind its first chunk.
    /// </summary>
    public bool StartsPaused { get; init; }

    /// <summary>
    /// Pages are filled on a thread of the VM's own for that, beside the one that serves faults: a demand never waits behind a chunk, at
    /// the price of a thread. Live only, and where the userfaultfd reports no events (<see cref="UffdFeatures"/>): what one says has to be
    /// known before anything else is filled, so there, and in the model, it changes nothing.
    /// </summary>
    public bool OnOwnThread { get; init; }

    /// <summary>
    /// Pages of zeros stay holes where that saves memory: in a module's memory, which has a page cache, registered for MISSING and not for
    /// write protection. They count as brought (<see cref="BackgroundPush.ZeroPages"/>, <see cref="PageState.Zero"/>) and take no memory;
    /// the first touch of one is a fault, which is answered without the source. <see cref="GuestReader"/> finds nothing there.
    /// </summary>
    public bool KeepsHoles { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    internal void ThrowIfOutOfRange()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(BytesPerSecond);
        if (WindowBytes is { } window) OptionRange.Within(window, 0, MaxWindowBytes, nameof(WindowBytes));
    }
}
