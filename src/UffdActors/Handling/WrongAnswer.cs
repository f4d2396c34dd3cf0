namespace UffdActors.Handling;

/// <summary>In which way an answer of a page source is wrong.</summary>
internal enum WrongAnswer
{
    /// <summary>No order has such an id.</summary>
    UnknownOrder,

    /// <summary>None of its pages was asked for with that order.</summary>
    OtherPages,

    /// <summary>Less than one page.</summary>
    NoPages,

    /// <summary>A content that is none, or that this memory cannot hold.</summary>
    UnknownContent,

    /// <summary>Bytes at an address that cannot be read.</summary>
    Unreadable,

    /// <summary>A failure without a reason.</summary>
    NoReason,

    /// <summary>Said to answer at once and in full, and did not.</summary>
    TooShort,

    /// <summary>Nothing, or nothing more, for as long as the patience is.</summary>
    Silence,
}
