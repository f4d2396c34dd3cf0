namespace UffdActors.Stress.Tests;

/// <summary>A page source that does something else with some orders.</summary>
/// <param name="inner">The right one.</param>
/// <param name="instead">True if it has dealt with the order; then the right one never hears of it.</param>
internal sealed class BrokenSource(IPageSource inner, Func<PageOrder, IPageReceiver, bool> instead) : IPageSource
{
    public long Pages => inner.Pages;

    public bool AnswersAtOnce => false;

    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        if (!instead(order, receiver)) inner.Request(order, receiver);
    }

    public void Dispose() => inner.Dispose();
}
