using UffdActors.Kvm.Native;

namespace UffdActors.Kvm.Vcpus;

/// <summary>What a vCPU's thread is told to do next.</summary>
/// <param name="Job">Something with the vCPU while it does not run; null to let it run.</param>
internal sealed record VcpuCommand(Action<KvmHandle>? Job);
