namespace UffdActors.PostCopy;

/// <summary>What is copied while the guest still runs at the source.</summary>
public sealed record PreCopyOptions
{
    /// <summary>Rounds over what the guest has written, at most, the first over everything; null for as many as it takes.</summary>
    public int? Rounds { get; init; }

    /// <summary>
    /// The guest is stopped when what is left takes no longer than this at the measured rate; with <see cref="Rounds"/> null only.
    /// </summary>
    public TimeSpan Target { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>Rounds after which it is stopped though it writes faster than can be copied; post-copy brings the rest.</summary>
    public int MostRounds { get; init; } = 30;

    /// <summary>Bytes a second, at most; 0 for as fast as it goes.</summary>
    public long BytesPerSecond { get; init; }
}
