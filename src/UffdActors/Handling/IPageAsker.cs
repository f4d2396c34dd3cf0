using UffdActors.Model.Memory;

namespace UffdActors.Handling;

/// <summary>
/// What asks a page source for pages: the request of a page (<see cref="PageRequest"/>), or the background push for a chunk. It is the
/// message to the source's actor, and goes back to its own actor with the answer.
/// </summary>
internal interface IPageAsker
{
    /// <summary>Whether a guest waits for the pages.</summary>
    Urgency Urgency { get; }

    /// <summary>The pages, and the buffer that the source may write them to.</summary>
    OrderRange Wanted { get; }

    /// <summary>Base pages of which the source has said nothing yet; null where that is not counted.</summary>
    int? Missing { get; }

    /// <summary>Takes what an answer has of the pages; a page counts from the first answer that has it.</summary>
    /// <returns>True once all of them are there.</returns>
    bool TakeAnswer(long firstPage, int pages, SourceContent content, nint address);

    /// <summary>The source may still write to the buffer: what follows goes on with another one.</summary>
    /// <param name="isAnswered">All pages are there, and nothing is asked for again.</param>
    /// <returns>The buffer that stays the source's.</returns>
    NativeBuffer LendBuffer(bool isAnswered = false);

    /// <summary>All pages are there, or the source has failed: tells the actor that has asked.</summary>
    /// <param name="failure">Why the source could not answer; null if it did.</param>
    void Answered(Exception? failure);
}
