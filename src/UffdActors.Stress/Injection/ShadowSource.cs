using UffdActors.Stress.Guest;

namespace UffdActors.Stress.Injection;

/// <summary>
/// The page source of a stressed guest: serves the shadow; at random late, out of order, twice, page by page, or only after a failure.
/// </summary>
internal sealed class ShadowSource(ShadowPages shadow, long pages, InjectedCounts counts, ulong seed, double faultRate) : IPageSource
{
    // Failures in a row must be far shorter than uffd.source-patience, after which a request pauses.
    private const double FailureShare = 0.25;
    private const int LongestDelayMilliseconds = 3;

    private readonly Lock _gate = new();
    private ulong _draws = seed;

    /// <inheritdoc />
    public long Pages => pages;

    /// <inheritdoc />
    public bool AnswersAtOnce => false;

    /// <inheritdoc />
    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        (bool fails, bool twice, int delay) = Draw();
        if (fails)
        {
            counts.Add(Injected.SourceFailure);
            receiver.Failed(order.Id, new InjectedSourceException());
            return;
        }

        if (twice) counts.Add(Injected.SourceDuplicate);
        if (delay == 0)
        {
            Answer(order, receiver, twice);
            return;
        }

        counts.Add(Injected.SourceDelay);
        PageOrder late = order;
        Timer? timer = null;
        timer = new Timer(_ => AnswerLate(timer!, late, receiver, twice), null, Timeout.Infinite, Timeout.Infinite);
        _ = timer.Change(delay, Timeout.Infinite);
    }

    /// <inheritdoc />
    public void Dispose()
    {
    }

    private void AnswerLate(Timer timer, PageOrder order, IPageReceiver receiver, bool twice)
    {
        timer.Dispose();
        if (!order.Cancel.IsCancellationRequested) Answer(order, receiver, twice);
    }

    private void Answer(PageOrder order, IPageReceiver receiver, bool twice)
    {
        for (int i = 0; i < order.Pages; i++)
        {
            long page = order.FirstPage + i;
            bool zero = shadow.IsZero(page);
            for (int times = twice ? 2 : 1; times > 0; times--)
                receiver.Received(order.Id, page, 1, zero ? SourceContent.Zero : SourceContent.Bytes, zero ? 0 : shadow.AddressOf(page));
        }
    }

    private (bool Fails, bool Twice, int Delay) Draw()
    {
        lock (_gate)
        {
            bool fails = Chance.Of(faultRate * FailureShare, ref _draws);
            bool twice = Chance.Of(faultRate, ref _draws);
            return (fails, twice, Chance.Of(faultRate, ref _draws) ? 1 + (int)(_draws % LongestDelayMilliseconds) : 0);
        }
    }
}
