using System.Collections.Concurrent;
using UffdActors.Linux.Tests.Live;

namespace UffdActors.Linux.Tests.Modes;

/// <summary>A source that answers as a test says, and rightly where it says nothing.</summary>
internal sealed class ScriptedSource(int pages, bool answersAtOnce = false) : IPageSource
{
    private readonly PageBytes _bytes = new(pages);
    private volatile Func<PageOrder, IPageReceiver, bool>? _script;
    private readonly ConcurrentDictionary<long, int> _askedFor = new();
    private int _asked;

    /// <summary>Answers an order; false if it is to be answered rightly. Null for every one.</summary>
    public Func<PageOrder, IPageReceiver, bool>? Script
    {
        set => _script = value;
    }

    /// <summary>Orders so far.</summary>
    public int Asked => Volatile.Read(ref _asked);

    /// <summary>Orders of one page so far.</summary>
    public int AskedFor(long page) => _askedFor.GetValueOrDefault(page);

    public long Pages => pages;

    public bool AnswersAtOnce => answersAtOnce;

    /// <summary>Fails every order.</summary>
    public void GoAway() => Script = (order, receiver) =>
    {
        receiver.Failed(order.Id, new IOException("the link is down"));
        return true;
    };

    /// <summary>Answers rightly from here on.</summary>
    public void ComeBack() => Script = null;

    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        Interlocked.Increment(ref _asked);
        if (order.Pages == 1) _ = _askedFor.AddOrUpdate(order.FirstPage, 1, (_, n) => n + 1);
        if (_script is { } script && script(order, receiver)) return;
        _bytes.Request(order, receiver);
    }

    public override string ToString() => "image-7";

    public void Dispose() => _bytes.Dispose();
}
