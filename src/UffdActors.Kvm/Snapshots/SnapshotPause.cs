namespace UffdActors.Kvm.Snapshots;

/// <summary>The pause of a machine for a snapshot: vCPUs that ran before it run behind it.</summary>
/// <param name="machine">The machine.</param>
internal sealed class SnapshotPause(KvmMachine machine)
{
    private bool _hasRun;

    /// <summary>Pauses it.</summary>
    /// <exception cref="KvmSnapshotException">A vCPU has ended by a failure.</exception>
    public async Task BeginAsync(CancellationToken cancel)
    {
        _hasRun = machine.Vcpus.Any(v => v.Phase is VcpuPhase.Running or VcpuPhase.Pausing);
        await machine.PauseAsync(cancel);
        if (machine.Vcpus.Select(v => v.View.End).FirstOrDefault(e => e is { IsDone: false }) is { } failed)
            throw new KvmSnapshotException($"No snapshot can be taken of a guest that cannot go on. {failed.Message}");
    }

    /// <summary>Lets the vCPUs go on that can.</summary>
    public async Task EndAsync()
    {
        if (!_hasRun) return;
        foreach (KvmVcpu vcpu in machine.Vcpus)
        {
            if (vcpu.Phase == VcpuPhase.Paused) await vcpu.ResumeAsync(CancellationToken.None);
        }
    }
}
