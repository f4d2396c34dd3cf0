namespace UffdActors;

/// <summary>What a VM runs on. A figure without it cannot be compared with another one.</summary>
/// <param name="World"><c>model</c> or <c>live</c>, as <c>uffd.world</c> has it.</param>
/// <param name="Kernel">
/// Name of the profile that the model is; live, the release of this machine's kernel as <c>uname -r</c> prints it.
/// </param>
/// <param name="LoopCpu">CPU that the VM's fault loop is bound to; null for any, and on other dispatchers.</param>
/// <param name="VcpuCpu">CPU that the vCPUs' threads are bound to; null for any, and in the model, where they are actors.</param>
public sealed record VmPlace(string World, string Kernel, int? LoopCpu, int? VcpuCpu)
{
    /// <summary>True if page faults are real ones, of this machine's kernel.</summary>
    public bool IsLive => World == "live";
}
