using UffdActors.Pictures.History;

namespace UffdActors.Pictures.Recording;

/// <summary>
/// Faults one by one, as many as fit: when they are too many every other one is dropped, and from then on half as many are taken. Not safe
/// for several threads.
/// </summary>
/// <param name="most">Faults, at most; 0 for none.</param>
internal sealed class SpanLog(int most)
{
    private readonly List<FaultSpan> _spans = [];
    private long _offered;

    /// <summary>One fault in so many is kept.</summary>
    public int Stride { get; private set; } = 1;

    /// <summary>Takes a fault, or not.</summary>
    public void Offer(in FaultSpan span)
    {
        if (most == 0 || _offered++ % Stride != 0) return;
        if (_spans.Count == most)
        {
            for (int i = 0; i < most / 2; i++) _spans[i] = _spans[2 * i];
            _spans.RemoveRange(most / 2, most - (most / 2));
            Stride *= 2;
            if ((_offered - 1) % Stride != 0) return;
        }

        _spans.Add(span);
    }

    /// <summary>Those that were kept.</summary>
    public IReadOnlyList<FaultSpan> All() => [.. _spans];
}
