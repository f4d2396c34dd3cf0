namespace UffdActors.PageSources;

/// <summary>How urgently pages are wanted.</summary>
public enum Urgency
{
    /// <summary>A thread waits.</summary>
    Demand,

    /// <summary>Background.</summary>
    Push,
}

/// <summary>What a page's content is.</summary>
public enum SourceContent
{
    /// <summary>Zeros: nothing need be copied.</summary>
    Zero,

    /// <summary>Bytes at an address.</summary>
    Bytes,

    /// <summary>A stamp, for phantom memory; the address is the stamp.</summary>
    Stamp,
}

/// <summary>
/// A request for pages: base pages of 4 KiB whatever the region's own page size is; of larger pages whole ones are asked for.
/// </summary>
/// <param name="Id">Chosen by the asker; comes back with every answer.</param>
/// <param name="Region">Region that the pages belong to.</param>
/// <param name="FirstPage">First page within the region.</param>
/// <param name="Pages">Pages wanted, at least 1.</param>
/// <param name="Urgency">How urgently.</param>
/// <param name="Buffer">
/// Native memory of at least the pages' size, which stays the asker's. The source may put the bytes there, each page at its own place (the
/// first one at 0, the next one 4096 bytes on), or answer with an address of its own that stays valid for as long as the source lives.
/// </param>
/// <param name="Cancel">The answer is not wanted any more.</param>
public readonly record struct PageOrder(
    long Id, int Region, long FirstPage, int Pages, Urgency Urgency, nint Buffer, CancellationToken Cancel);

/// <summary>Takes the answers of a source.</summary>
public interface IPageReceiver
{
    /// <summary>Pages are there. Answers may be short, late, out of order, or repeated. Any thread.</summary>
    /// <param name="id">Id of the order.</param>
    /// <param name="firstPage">First page that the answer is about.</param>
    /// <param name="pages">How many; all with the same kind of content.</param>
    /// <param name="content">What they are.</param>
    /// <param name="address">Where the bytes are, or the stamp; 0 for zeros.</param>
    void Received(long id, long firstPage, int pages, SourceContent content, nint address);

    /// <summary>The order cannot be carried out now, or never (<see cref="PageLostException"/>). Any thread.</summary>
    void Failed(long id, Exception reason);
}

/// <summary>A page is lost for good: no source will ever have it. Not for a lost link, which comes back.</summary>
public sealed class PageLostException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">How it was lost; part of a sentence.</param>
    public PageLostException(string message)
        : base(message)
    {
    }
}

/// <summary>Where pages come from: an image, a migration's source host, a generator.</summary>
/// <remarks>
/// <see cref="Request"/> is called in turns of one actor at a time, or of several if the source answers at once, and must not block; what
/// takes time answers later, from any thread.
/// </remarks>
public interface IPageSource : IDisposable
{
    /// <summary>Pages that the source has.</summary>
    long Pages { get; }

    /// <summary>
    /// True if <see cref="Request"/> always answers in full before it returns. Then no actor of its own is needed between the handlers
    /// and the source.
    /// </summary>
    bool AnswersAtOnce { get; }

    /// <summary>Asks for pages.</summary>
    void Request(in PageOrder order, IPageReceiver receiver);
}
