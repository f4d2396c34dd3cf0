namespace UffdActors.Serve.Dialects;

/// <summary>How some VMMs write their first message. Pure; has no state.</summary>
internal interface IHandOverDialect
{
    /// <summary>Whether a message begins as this dialect's do.</summary>
    /// <param name="start">At least one byte.</param>
    /// <returns>Null if more bytes are needed to tell.</returns>
    bool? Begins(ReadOnlySpan<byte> start);

    /// <summary>Finds the end of the message.</summary>
    /// <param name="bytes">All that has come.</param>
    /// <param name="scan">How far it has been looked at; kept between calls.</param>
    /// <returns>Its length; null if the end has not come yet.</returns>
    /// <exception cref="HandOverException">It cannot have one.</exception>
    int? FindEnd(ReadOnlySpan<byte> bytes, ref MessageScan scan);

    /// <summary>Reads it.</summary>
    /// <param name="message">The message, whole.</param>
    /// <param name="rest">What came in the same piece behind it.</param>
    /// <param name="descriptors">How many descriptors came.</param>
    /// <exception cref="HandOverException">It cannot be served.</exception>
    HandOverMessage Read(ReadOnlySpan<byte> message, ReadOnlySpan<byte> rest, int descriptors);
}
