using System.Collections.Concurrent;
using UffdActors.Handling;

namespace UffdActors.Testing.Guests;

/// <summary>Throws in handlers.</summary>
/// <param name="point">Where.</param>
/// <param name="every">At each visit that this divides.</param>
/// <param name="crashesPerPage">At the most. A page on which handlers keep crashing is left alone.</param>
/// <param name="onlyPage">With no other page; null for all.</param>
/// <param name="crashed">Is called before each crash.</param>
internal sealed class CrashingProbe(HandlerPoint point, int every, int crashesPerPage, long? onlyPage = null, Action? crashed = null)
    : IHandlerProbe
{
    private readonly ConcurrentDictionary<long, int> _perPage = new();
    private int _visits;
    private int _crashes;
    private volatile bool _stopped;

    public int Crashes => Volatile.Read(ref _crashes);

    public void Stop() => _stopped = true;

    public void At(HandlerPoint at, int handler, PageRequest request)
    {
        if (_stopped || at != point || (onlyPage is { } only && request.Page != only)) return;
        if (Interlocked.Increment(ref _visits) % every != 0) return;
        if (_perPage.AddOrUpdate(request.Page, 1, (_, n) => n + 1) > crashesPerPage) return;
        Interlocked.Increment(ref _crashes);
        crashed?.Invoke();
        throw new InvalidOperationException($"crash at {at}");
    }
}
