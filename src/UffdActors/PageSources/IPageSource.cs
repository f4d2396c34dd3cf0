namespace UffdActors;

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
