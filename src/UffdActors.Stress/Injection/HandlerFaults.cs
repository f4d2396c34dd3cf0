using System.Diagnostics;
using System.Globalization;
using UffdActors.Handling;

namespace UffdActors.Stress.Injection;

/// <summary>
/// Injects faults at the runtime's hooks in handlers: sends a racing resolver to the page that a handler has just received, and crashes
/// handlers. Keeps the latest points, to explain a hang.
/// </summary>
/// <remarks>Called in turns of handlers; each handler draws from a stream of its own.</remarks>
internal sealed class HandlerFaults(InjectedCounts counts, ulong seed, int handlers, double eexistRate, double crashRate) : IHandlerProbe
{
    private const int TrailLength = 24;

    private readonly ulong[] _draws = [.. Enumerable.Range(0, handlers).Select(i => seed ^ ((ulong)(i + 1) << 40))];
    private readonly Passed?[] _trail = new Passed?[TrailLength];
    private long _passed;

    /// <summary>Where racing resolvers are sent.</summary>
    public Action<long>? Race { get; set; }

    /// <summary>The latest points, oldest first. Any thread.</summary>
    public IReadOnlyList<string> Trail =>
        [.. _trail.OfType<Passed>().OrderBy(p => p.Number)
            .Select(
                p => string.Create(
                    CultureInfo.InvariantCulture,
                    $"handler {p.Handler} {p.Point}, page {p.Page}, {p.Phase}, "
                        + $"{Stopwatch.GetElapsedTime(p.At).TotalMilliseconds:0} ms ago"))];

    /// <inheritdoc />
    public void At(HandlerPoint point, int handler, PageRequest request)
    {
        long number = Interlocked.Increment(ref _passed);
        Volatile.Write(
            ref _trail[number % TrailLength],
            new Passed(number, Stopwatch.GetTimestamp(), point, handler, request.Page, request.Phase));
        if (point == HandlerPoint.AfterRead && Chance.Of(eexistRate, ref _draws[handler])) Race?.Invoke(request.Page);
        if (point == HandlerPoint.OnAnswer && request.Phase == RequestPhase.Filling) counts.AddFill(request.Fill.Error);
        if (!Chance.Of(crashRate, ref _draws[handler])) return;
        counts.Add(Injected.HandlerCrash);
        throw new InjectedCrashException(point);
    }

    private sealed record Passed(long Number, long At, HandlerPoint Point, int Handler, long Page, RequestPhase Phase);
}
