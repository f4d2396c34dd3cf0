using UffdActors.Linux.Memory;
using UffdActors.Model.Memory;

namespace UffdActors.Stress.Vcpus;

/// <summary>
/// A vCPU on the kernel: a thread that touches guest memory by calls into the C library only, for the lock and its release too. While it
/// waits for a page it is in native code, outside the runtime.
/// </summary>
internal sealed class LiveStressVcpu(VcpuProgram program, GuestMemory memory) : StressVcpu(program)
{
    /// <inheritdoc />
    public override Task RunLapAsync(long visits)
    {
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Program.BeginLap(visits);
        new Thread(() => Run(ended)) { IsBackground = true, Name = $"stress-vcpu-{Program.Number}" }.Start();
        return ended.Task;
    }

    private void Run(TaskCompletionSource ended)
    {
        try
        {
            while (Program.TryNext(out long page, out MemoryOp op)) Program.Ended(op, Touch((page << PageSize.BaseShift) + op.Offset, op));
            ended.SetResult();
        }
        catch (Exception e)
        {
            ended.SetException(e);
        }
    }

    private ulong Touch(long offset, MemoryOp op)
    {
        switch (op.Kind)
        {
            case MemoryOpKind.TryLock:
                return memory.TryLock(offset) ? 1UL : 0;
            case MemoryOpKind.Read:
                return memory.ReadWord(offset);
            case MemoryOpKind.Write:
                memory.WriteWord(offset, op.Value);
                return 0;
            default:
                memory.Unlock(offset);
                return 0;
        }
    }
}
