namespace UffdActors.Stress.Vcpus;

/// <summary>Carries out a vCPU's program: a thread on the kernel, an actor in the model.</summary>
internal abstract class StressVcpu(VcpuProgram program)
{
    /// <summary>Its program.</summary>
    public VcpuProgram Program { get; } = program;

    /// <summary>Makes the visits of a lap. Ends with the last one, or with the next touch after <see cref="VcpuProgram.Halt"/>.</summary>
    /// <param name="visits">Visits; negative to look at its share of all pages once.</param>
    public abstract Task RunLapAsync(long visits);
}
