using System.Collections.Concurrent;
using UffdActors.Testing.Guests;

namespace UffdActors.Linux.Tests.Live;

/// <summary>Pages whose words say which page they are; each can fail a few times, and all can be withheld for good.</summary>
internal sealed class PageBytes : IPageSource, IContentCheck
{
    private readonly NumberedPages _pages;
    private readonly ConcurrentQueue<(PageOrder Order, IPageReceiver Receiver)> _late = new();
    private int _failures;

    public PageBytes(int pages, int failures = 0)
    {
        Pages = pages;
        _failures = failures;
        _pages = new NumberedPages(pages);
    }

    public long Pages { get; }

    public bool AnswersAtOnce => false;

    /// <summary>Answers only when told.</summary>
    public bool AnswersLate { get; init; }

    /// <summary>Orders that wait for <see cref="AnswerLate"/>.</summary>
    public int Late => _late.Count;

    /// <summary>Answers with zeros.</summary>
    public bool IsZero { get; init; }

    /// <summary>Answers with an address at which there is no memory.</summary>
    public bool IsUnreadable { get; set; }

    /// <summary>Never answers.</summary>
    public bool Withholds { get; init; }

    /// <summary>Ends when the first page has been asked for.</summary>
    public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static ulong WordOf(long page) => NumberedPages.WordOf(page);

    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        _ = Asked.TrySetResult();
        if (Withholds) return;
        if (AnswersLate) _late.Enqueue((order, receiver));
        else Answer(order, receiver);
    }

    /// <summary>Answers what waits.</summary>
    public void AnswerLate()
    {
        // Only what waits now: a thread that goes on has its next page asked for while this runs.
        for (int waiting = _late.Count; waiting > 0 && _late.TryDequeue(out (PageOrder Order, IPageReceiver Receiver) late); waiting--)
            Answer(late.Order, late.Receiver);
    }

    private void Answer(in PageOrder order, IPageReceiver receiver)
    {
        if (Interlocked.Decrement(ref _failures) >= 0) throw new IOException($"page {order.FirstPage} cannot be had now");
        // The first page of a process is never mapped.
        if (IsZero) receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Zero, 0);
        else if (IsUnreadable) receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Bytes, 1);
        else receiver.Received(order.Id, order.FirstPage, order.Pages, SourceContent.Bytes, _pages.AddressOf(order.FirstPage));
    }

    public ulong? WordAt(int region, long page, int offset) => IsZero ? 0 : WordOf(page);

    public void Dispose() => _pages.Dispose();
}
