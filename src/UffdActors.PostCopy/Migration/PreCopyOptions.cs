namespace UffdActors.PostCopy;

/// <summary>What is copied while the guest still runs at the source.</summary>
public sealed record PreCopyOptions
{
    /// <summary>Rounds over what the guest has written, at most, the first over everything; null for as many as it takes.</summary>
    public int? Rounds { get; init; }

    /// <summary>
    /// The guest is stopped when the pages left take no longer than this at the measured rate; with <see cref="Rounds"/> null only.
    /// </summary>
    public TimeSpan Target { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>Rounds after which the guest is stopped even if it writes faster than can be copied; the rest comes by post-copy.</summary>
    public int MostRounds { get; init; } = 30;

    /// <summary>Bytes a second, at most; 0 for as fast as it goes.</summary>
    public long BytesPerSecond { get; init; }
}
