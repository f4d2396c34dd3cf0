namespace UffdActors;

/// <summary>Takes the answers of a source.</summary>
public interface IPageReceiver
{
    /// <summary>
    /// Pages are there. Answers may be short, late, out of order, or repeated, and may reach beyond the pages that were asked for, on
    /// either side: of such an answer those are taken, and the others are not looked at; nor need their bytes be readable. Any thread.
    /// </summary>
    /// <param name="id">Id of the order.</param>
    /// <param name="firstPage">First page that the answer is about.</param>
    /// <param name="pages">How many; all with the same kind of content.</param>
    /// <param name="content">What they are.</param>
    /// <param name="address">Where the bytes are, or the stamp; 0 for zeros.</param>
    void Received(long id, long firstPage, int pages, SourceContent content, nint address);

    /// <summary>The order cannot be carried out now, or never (<see cref="PageLostException"/>). Any thread.</summary>
    void Failed(long id, Exception reason);
}
