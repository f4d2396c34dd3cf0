namespace UffdActors.Bench.Live;

/// <summary>What the vCPUs are whose faults are measured.</summary>
internal enum LiveVcpus
{
    /// <summary>Threads of this process.</summary>
    Thread,

    /// <summary>vCPUs of KVM, beside threads.</summary>
    Kvm,
}
