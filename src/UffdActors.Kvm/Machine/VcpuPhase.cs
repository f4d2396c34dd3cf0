namespace UffdActors.Kvm;

/// <summary>Where a vCPU is in its life.</summary>
public enum VcpuPhase
{
    /// <summary>It stands between two instructions: it can be saved, loaded and resumed.</summary>
    Paused,

    /// <summary>The guest runs.</summary>
    Running,

    /// <summary>It has been told to pause, and does not stand yet.</summary>
    Pausing,

    /// <summary>The guest has halted it, or could not go on (<see cref="KvmVcpu.Ended"/>).</summary>
    Ended,

    /// <summary>Stopped for good.</summary>
    Stopped,
}
