namespace UffdActors.Handling;

/// <summary>Where a handler can be made to crash.</summary>
internal enum HandlerPoint
{
    /// <summary>A fault has been read and handed to it.</summary>
    AfterRead,

    /// <summary>It has sent a fill.</summary>
    AfterFillSent,

    /// <summary>It takes an answer out of its mailbox: data, or the outcome of a fill.</summary>
    OnAnswer,
}
