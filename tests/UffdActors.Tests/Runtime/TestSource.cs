using UffdActors.Testing.Guests;

namespace UffdActors.Tests.Runtime;

/// <summary>Pages whose words say which page they are; can be told to answer late, to fail, or to have pages of zeros.</summary>
internal sealed class TestSource : IPageSource
{
    private readonly NumberedPages _pages;
    private readonly List<(PageOrder Order, IPageReceiver Receiver)> _late = [];

    public TestSource(int pages)
    {
        Pages = pages;
        _pages = new NumberedPages(pages);
    }

    public long Pages { get; }

    public bool AnswersAtOnce { get; init; } = true;

    /// <summary>Pages that are zeros.</summary>
    public HashSet<long> Zeros { get; } = [];

    /// <summary>How often each page still fails.</summary>
    public Dictionary<long, int> Failures { get; } = [];

    /// <summary>Answer only when told to.</summary>
    public bool HoldsBack { get; set; }

    /// <summary>How often each page is answered.</summary>
    public int Repeats { get; set; } = 1;

    /// <summary>Orders so far.</summary>
    public List<PageOrder> Orders { get; } = [];

    public static ulong WordOf(long page) => NumberedPages.WordOf(page);

    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        Orders.Add(order);
        if (HoldsBack) _late.Add((order, receiver));
        else Answer(order, receiver);
    }

    /// <summary>Answers what was held back.</summary>
    public void LetGo()
    {
        (PageOrder Order, IPageReceiver Receiver)[] late = [.. _late];
        _late.Clear();
        foreach ((PageOrder order, IPageReceiver receiver) in late) Answer(order, receiver);
    }

    public void Dispose() => _pages.Dispose();

    private void Answer(in PageOrder order, IPageReceiver receiver)
    {
        for (int i = 0; i < order.Pages; i++)
        {
            long page = order.FirstPage + i;
            if (Failures.GetValueOrDefault(page) > 0)
            {
                Failures[page]--;
                receiver.Failed(order.Id, new IOException($"page {page} cannot be had now"));
                return;
            }

            if (Zeros.Contains(page)) receiver.Received(order.Id, page, 1, SourceContent.Zero, 0);
            else for (int n = 0; n < Repeats; n++) receiver.Received(order.Id, page, 1, SourceContent.Bytes, _pages.AddressOf(page));
        }
    }
}
