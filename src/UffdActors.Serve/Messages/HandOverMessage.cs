namespace UffdActors.Serve;

/// <summary>
/// What a VMM says when it hands its userfaultfd over, whatever it is called there. Checked: it can be acted on as it is.
/// </summary>
public sealed record HandOverMessage
{
    /// <summary>The most bytes that a first message may have.</summary>
    public const int MaxBytes = 64 << 10;

    /// <summary>The dialect that it is written in, for reports: <c>firecracker</c>, <c>cloud-hypervisor</c>.</summary>
    public required string Dialect { get; init; }

    /// <summary>Regions in the order in which they were named, 1 to 1024; none over another.</summary>
    public required IReadOnlyList<HandedRegion> Regions { get; init; }

    /// <summary>Modes that the regions are registered in, as far as the message tells; MISSING is always among them.</summary>
    public RegisterModes Modes { get; init; } = RegisterModes.Missing;

    /// <summary>True if the VMM waits for an answer (<see cref="HandOver.AcknowledgeAsync"/>).</summary>
    public bool WantsAnswer { get; init; }

    /// <summary>Bytes of all regions.</summary>
    public long Bytes => Regions.Sum(r => r.Bytes);
}
