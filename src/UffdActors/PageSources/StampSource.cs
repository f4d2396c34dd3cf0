using UffdActors.Model.Memory;

namespace UffdActors;

/// <summary>A phantom guest: every page is a stamp that is computed from its number.</summary>
internal sealed class StampSource : IPageSource
{
    /// <summary>Makes a source of any number of pages.</summary>
    public StampSource(long pages) => Pages = pages;

    /// <inheritdoc />
    public long Pages { get; }

    /// <inheritdoc />
    public bool AnswersAtOnce => true;

    /// <summary>The stamp of a page.</summary>
    public static uint StampOf(long page) => StampFolios.StampOf((ulong)page);

    /// <inheritdoc />
    public void Request(in PageOrder order, IPageReceiver receiver)
    {
        ArgumentNullException.ThrowIfNull(receiver);
        for (int i = 0; i < order.Pages; i++)
            receiver.Received(order.Id, order.FirstPage + i, 1, SourceContent.Stamp, (nint)StampOf(order.FirstPage + i));
    }

    /// <inheritdoc />
    public void Dispose()
    {
    }
}
