namespace UffdActors.Cli.Torture;

/// <summary>The guest that is moved again and again, and how patient both ends are.</summary>
internal sealed record TortureOptions
{
    /// <summary>Time without a sign of life after which an end takes its link for lost.</summary>
    public static readonly TimeSpan PeerTimeout = TimeSpan.FromSeconds(1);

    /// <summary>For how long a process is stopped: longer than the other one is patient.</summary>
    public static readonly TimeSpan StopTime = TimeSpan.FromSeconds(2);

    /// <summary>A migration that has not come to an end after it hangs.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>World of both ends; null for the configured one.</summary>
    public string? World { get; init; }

    /// <summary>Seed of the guest's memory and of what it does.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>A KVM guest is moved.</summary>
    public bool IsKvm { get; init; }

    /// <summary>What the sending end is told of the guest.</summary>
    public IReadOnlyList<string> Guest =>
    [
        .. IsKvm
            ? (string[])["--guest", "kvm", "--memory", "2M", "--rounds", "60", "--run-first", "30ms"]
            : ["--memory", "4M", "--accesses", "20000"],
        "--vcpus", "2", "--retry", "20ms",
        "--seed", Seed.ToString(System.Globalization.CultureInfo.InvariantCulture),
    ];

    /// <summary>What both ends are told.</summary>
    public IReadOnlyList<string> Both => [.. World is null ? (string[])[] : ["--world", World], "--peer-timeout", "1s"];
}
