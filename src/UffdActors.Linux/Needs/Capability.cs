namespace UffdActors.Linux.Needs;

/// <summary>Capabilities that matter here; their bits.</summary>
internal enum Capability
{
    /// <summary>CAP_SYS_PTRACE: faults of the kernel, EVENT_FORK, other processes.</summary>
    SysPtrace = 19,

    /// <summary>CAP_SYS_NICE: real-time priorities.</summary>
    SysNice = 23,
}
