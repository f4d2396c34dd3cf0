using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Turns;
using UffdActors.Stress.Guest;

namespace UffdActors.Stress.Vcpus;

/// <summary>The turns of a vCPU of the model.</summary>
internal sealed class ModelStressVcpuActor(VmContext vm, ActorPort port, Caller thread, ulong address, VcpuProgram program, Ledger ledger)
    : RingActor(vm, port)
{
    private const int TouchesPerTurn = 128;

    private readonly Access _access = new(thread);
    private MemoryOp _op;
    private Lap? _lap;

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Lap lap:
                _lap = lap;
                program.BeginLap(lap.Visits);
                GoOn();
                break;
            case VmProtocol.Resume:
                GoOn();
                break;
            default:
                base.OnReceive(message);
                break;
        }
    }

    protected override void Run(Operation operation)
    {
        operation.Step();
        if (_access.IsFinished && Account()) GoOn();
    }

    // Clears the thread's guard, and ends the lap's task.
    protected override void PostStop()
    {
        thread.Exit();
        _ = _lap?.Ended.TrySetResult();
        base.PostStop();
    }

    private void GoOn()
    {
        for (int i = 0; i < TouchesPerTurn; i++)
        {
            if (!program.TryNext(out long page, out _op))
            {
                _ = _lap!.Ended.TrySetResult();
                return;
            }

            ulong at = address + ((ulong)page << PageSize.BaseShift) + (ulong)_op.Offset;
            _access.Begin(at, _op.Kind == MemoryOpKind.Read ? AccessKind.Read : AccessKind.Write, _op.Value, sizeof(ulong));
            _access.Step();
            if (!_access.IsFinished || !Account()) return;
        }

        Self.Tell(VmProtocol.Resume.Instance, ActorRefs.NoSender);
    }

    private bool Account()
    {
        if (_access.Outcome == AccessOutcome.Ok)
        {
            program.Ended(_op, _access.Value);
            return true;
        }

        ledger.Violate(
            StressOracle.Incidents, $"vCPU {program.Number} got {_access.Outcome} (code {_access.SignalCode}) at 0x{_access.Address:x}");
        _ = _lap!.Ended.TrySetResult();
        return false;
    }

    /// <summary>Visits to make.</summary>
    internal sealed record Lap(long Visits, TaskCompletionSource Ended);
}
