using UffdActors.Kvm.Native;

namespace UffdActors.Kvm.Vcpus;

/// <summary>The next command for a vCPU's thread.</summary>
/// <param name="Job">A job on the vCPU while it does not run; null to run it.</param>
internal sealed record VcpuCommand(Action<KvmHandle>? Job);
