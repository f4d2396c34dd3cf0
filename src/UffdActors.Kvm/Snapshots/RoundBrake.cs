using UffdActors.Kvm.Programs;

namespace UffdActors.Kvm.Snapshots;

/// <summary>
/// Pauses each vCPU exactly when it has finished a round, which it says by a letter on its console. Stands before the console.
/// </summary>
/// <param name="rounds">Rounds, from the first boot on.</param>
/// <param name="letters">Letters that each vCPU has written already.</param>
internal sealed class RoundBrake(int rounds, int[] letters) : IKvmDevice
{
    private readonly TaskCompletionSource[] _reached =
        [.. letters.Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))];

    private volatile KvmMachine? _machine;

    /// <summary>Complete when each vCPU is paused at its place, or will not come to it any more.</summary>
    public Task Reached => Task.WhenAll(_reached.Select(r => r.Task));

    /// <summary>Arms it: before the guest runs.</summary>
    public void Arm(KvmMachine machine)
    {
        _machine = machine;
        foreach (KvmVcpu vcpu in machine.Vcpus)
        {
            if (letters[vcpu.Number] >= rounds) _ = _reached[vcpu.Number].TrySetResult();
            else _ = EndedAsync(vcpu);
        }
    }

    /// <inheritdoc />
    public bool TryOut(int vcpu, ushort port, ReadOnlySpan<byte> data)
    {
        // Only this vCPU's thread counts its letters.
        if (port == GuestPlan.ConsolePort && ++letters[vcpu] == rounds && _machine is { } machine) Pause(machine.Vcpus[vcpu]);
        return false;
    }

    // KVM completes the OUT, and returns before the next instruction: the request to pause is there when the thread enters again.
    private void Pause(KvmVcpu vcpu)
    {
        _ = PausedAsync(vcpu);
        SpinWait spin = default;
        while (vcpu.Phase == VcpuPhase.Running) spin.SpinOnce();
    }

    private async Task PausedAsync(KvmVcpu vcpu)
    {
        await vcpu.PauseAsync();
        _ = _reached[vcpu.Number].TrySetResult();
    }

    private async Task EndedAsync(KvmVcpu vcpu)
    {
        _ = await vcpu.Ended;
        _ = _reached[vcpu.Number].TrySetResult();
    }
}
