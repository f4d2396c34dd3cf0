using UffdActors.Kvm.Native;

namespace UffdActors.Kvm.Vcpus;

/// <summary>Messages to the actor of a vCPU. All are local: they carry promises and descriptors.</summary>
internal static class VcpuProtocol
{
    /// <summary>Runs the guest.</summary>
    public sealed record Resume(TaskCompletionSource Done);

    /// <summary>Stops it between two instructions; completed when it is paused.</summary>
    public sealed record Pause(TaskCompletionSource Done);

    /// <summary>Stops it for good; completed when it has stopped.</summary>
    public sealed record Stop(TaskCompletionSource Done);

    /// <summary>A job on the vCPU's registers, done by its thread; refused while it runs.</summary>
    /// <param name="Job">Completes the promise, and never throws.</param>
    /// <param name="Fail">Refuses.</param>
    /// <param name="IsHaltedAfter">Whether the guest has halted it, after the job; null if the job leaves that as it is.</param>
    public sealed record Work(Action<KvmHandle> Job, Action<Exception> Fail, bool? IsHaltedAfter);

    /// <summary>From the thread: a run is over.</summary>
    /// <param name="End">How the guest has ended; null if it was interrupted.</param>
    public sealed record RunOver(VcpuEnd? End);
}
