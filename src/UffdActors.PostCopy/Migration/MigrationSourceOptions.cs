namespace UffdActors.PostCopy;

/// <summary>How a guest leaves.</summary>
public sealed record MigrationSourceOptions
{
    /// <summary>Most background lanes.</summary>
    public const int MaxChannels = Wire.WireLimits.Channels;

    /// <summary>Where the destination listens.</summary>
    public required MigrationAddress Address { get; init; }

    /// <summary>Background lanes beside the urgent one, 1 to <see cref="MaxChannels"/>.</summary>
    public int Channels { get; init; } = 1;

    /// <summary>TLS; null for none.</summary>
    public MigrationTls? Tls { get; init; }

    /// <summary>What is copied before the guest is stopped; null for nothing: pure post-copy.</summary>
    public PreCopyOptions? PreCopy { get; init; }

    /// <summary>Hand over as soon as the destination is ready; false to wait for <see cref="MigrationSource.Switch"/>.</summary>
    public bool SwitchesByItself { get; init; } = true;

    /// <summary>
    /// How long to try to connect at the beginning; and again when the destination has every page and only the comparison is left.
    /// </summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Time between two attempts to connect again after the link is lost; null to wait for <see cref="MigrationSource.Recover"/>.
    /// </summary>
    public TimeSpan? RetryEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Time without a sign of life of the destination after which the link counts as lost.</summary>
    public TimeSpan PeerTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Where its threads run; null for anywhere.</summary>
    public MigrationPlacement? Placement { get; init; }

    /// <summary>Wait for the guest's end at the destination, and compare its memory with what it must be.</summary>
    public bool Verifies { get; init; }

    /// <summary>Called with a sentence for each step; from any thread, must not block. Null for none.</summary>
    public Action<string>? Tell { get; init; }
}
