namespace UffdActors.Bench.Live;

/// <summary>One run of each.</summary>
/// <param name="Direct">The loop in C#, without actors.</param>
/// <param name="Ring">The ring.</param>
/// <param name="Native">The loop in C; null if there is none.</param>
/// <param name="Vms">The rings of several VMs together; null if there is one.</param>
internal sealed record LiveRepeat(LiveSample Direct, LiveSample Ring, LiveSample? Native, LiveSample? Vms)
{
    /// <summary>The ring with KVM vCPUs; null if there are none.</summary>
    public KvmSample? Kvm { get; init; }

    /// <summary>The program in C with KVM vCPUs; null if there is none.</summary>
    public KvmSample? KvmNative { get; init; }
}
