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

    /// <summary>
    /// Answers at once and in full, or does nothing: for a source that has some pages at hand and must wait for others. It is tried for
    /// pages on demand before an order is given, and saves the turn of the source's own actor. In turns of several actors, which may be at
    /// the same time; must not block.
    /// </summary>
    /// <param name="order">As of <see cref="Request"/>; its id is none of the orders that are given.</param>
    /// <param name="receiver">Takes the answer, before this returns.</param>
    /// <returns>False if nothing was answered; then <see cref="Request"/> follows.</returns>
    bool TryAnswer(in PageOrder order, IPageReceiver receiver) => false;

    /// <summary>Asks for pages.</summary>
    void Request(in PageOrder order, IPageReceiver receiver);
}
