namespace UffdActors.Kvm;

/// <summary>Phase of a vCPU.</summary>
public enum VcpuPhase
{
    /// <summary>It is stopped between two instructions: it can be saved, loaded and resumed.</summary>
    Paused,

    /// <summary>The guest runs.</summary>
    Running,

    /// <summary>It is being paused, and still runs.</summary>
    Pausing,

    /// <summary>The guest has halted it, or it has failed (<see cref="KvmVcpu.Ended"/>).</summary>
    Ended,

    /// <summary>Stopped for good.</summary>
    Stopped,
}
