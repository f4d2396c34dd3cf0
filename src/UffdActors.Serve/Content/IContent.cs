namespace UffdActors.Serve.Content;

/// <summary>
/// The content of a snapshot, by the page of its memory file: one object for any number of sessions. An order is in pages of a region; the
/// page of the file is that of the order and a distance. Any thread.
/// </summary>
internal interface IContent : IDisposable
{
    /// <summary>Base pages of the memory file, holes among them.</summary>
    long Pages { get; }

    /// <summary>Whether pages are known to be zeros without a read, and how many from the first on are alike in that.</summary>
    /// <param name="page">Page of the memory file.</param>
    /// <param name="most">The most to count, at least 1.</param>
    (bool IsZero, int Pages) RunAt(long page, int most);

    /// <summary>Answers at once and in full, or does nothing (<see cref="IPageSource.TryAnswer"/>).</summary>
    /// <param name="order">The order.</param>
    /// <param name="distance">What is added to a page of the order.</param>
    /// <param name="reader">Who reads.</param>
    /// <param name="receiver">Takes the answer.</param>
    bool TryAnswer(in PageOrder order, long distance, ContentReader reader, IPageReceiver receiver);

    /// <summary>
    /// Answers when it can (<see cref="IPageSource.Request"/>). A failure is reported only when nothing writes to the order's buffer any
    /// more.
    /// </summary>
    /// <param name="order">As of <see cref="TryAnswer"/>.</param>
    /// <param name="distance">As of <see cref="TryAnswer"/>.</param>
    /// <param name="reader">As of <see cref="TryAnswer"/>.</param>
    /// <param name="receiver">As of <see cref="TryAnswer"/>.</param>
    void Request(in PageOrder order, long distance, ContentReader reader, IPageReceiver receiver);
}
