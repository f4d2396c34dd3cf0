using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using UffdActors.Model.Memory;

namespace UffdActors.Linux.Tests.Live;

/// <summary>Pages whose words say which page they are; each can fail a few times, and all can be withheld for good.</summary>
internal sealed class PageBytes : IPageSource, IContentCheck
{
    private readonly NativeBuffer _bytes;
    private readonly ConcurrentQueue<(PageOrder Order, IPageReceiver Receiver)> _late = new();
    private int _failures;

    public PageBytes(int pages, int failures = 0)
    {
        Pages = pages;
        _failures = failures;
        _bytes = new NativeBuffer(pages << PageSize.BaseShift);
        var words = new ulong[PageSize.Base / sizeof(ulong)];
        for (int page = 0; page < pages; page++)
        {
            words.AsSpan().Fill(WordOf(page));
            _bytes.Write(page << PageSize.BaseShift, MemoryMarshal.AsBytes(words.AsSpan()));
        }
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

    public static ulong WordOf(long page) => 0xABCD_0000_0000_0000 | (ulong)page;

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
        else receiver.Received(
            order.Id, order.FirstPage, order.Pages, SourceContent.Bytes, _bytes.Address + (nint)(order.FirstPage << PageSize.BaseShift));
    }

    public ulong? WordAt(int region, long page, int offset) => IsZero ? 0 : WordOf(page);

    public void Dispose() => _bytes.Dispose();
}

/// <summary>A given sequence of accesses.</summary>
internal sealed class Steps(params GuestStep[] steps) : IWorkload
{
    private int _next;

    public static Steps Reads(params long[] pages) => new([.. pages.Select(p => new GuestStep(0, p, IsWrite: false))]);

    public static Steps Random(int seed, int pages, int accesses)
    {
        System.Random random = new(seed);
        return new([.. Enumerable.Range(0, accesses).Select(_ => new GuestStep(0, random.Next(pages), random.Next(3) == 0))]);
    }

    public void Reset() => _next = 0;

    public bool TryNext(out GuestStep step)
    {
        step = _next < steps.Length ? steps[_next] : default;
        return _next++ < steps.Length;
    }
}
