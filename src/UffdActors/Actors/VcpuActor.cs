using Akka.Actor;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Turns;
using UffdActors.Vcpus;

namespace UffdActors.Actors;

/// <summary>
/// One vCPU: touches page after page as its workload says. What the page table allows costs no message; a fault goes to the context, and
/// when the vCPU is woken the access starts again from the top.
/// </summary>
internal sealed class VcpuActor : RingActor
{
    private const int AccessesPerTurn = 256;

    private readonly Caller _thread;
    private readonly VcpuOptions _options;
    private readonly GuestAccess _access;
    private GuestStep _step;
    private bool _stopped;

    public VcpuActor(VmContext vm, ActorPort port, Caller thread, VcpuOptions options)
        : base(vm, port)
    {
        _thread = thread;
        _options = options;
        _access = new GuestAccess(thread, options.Number, vm.Time, options.Blocked, options.SampleEvery);
    }

    public static Props Props(VmContext vm, ActorPort port, Caller thread, VcpuOptions options) =>
        Akka.Actor.Props.Create<VcpuActor>(vm, port, thread, options).WithDispatcher(vm.DispatcherId);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Operation operation:
                Run(operation);
                break;
            case VmProtocol.Resume:
                GoOn();
                break;
            case VmProtocol.StopVcpu:
                _stopped = true;
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    protected override void Run(Operation operation)
    {
        operation.Step();
        if (!_access.IsFinished) return;
        Account();
        GoOn();
    }

    // The calls that wait for the guest are told; and a page that the thread was about to touch is not held for ever.
    protected override void PostStop()
    {
        _thread.Exit();
        _ = _options.Progress.Finished.TrySetException(
            new VmFailedException($"vCPU {_options.Number} of {Vm.Name} was stopped before its work had ended."));
        base.PostStop();
    }

    private void GoOn()
    {
        for (int i = 0; i < AccessesPerTurn; i++)
        {
            if (_stopped || _options.Progress.Error is not null || !TryNext())
            {
                End();
                return;
            }

            Touch();
            if (!_access.IsFinished) return;
            Account();
        }

        Self.Tell(VmProtocol.Resume.Instance, ActorRefs.NoSender);
    }

    // Code of the embedder: what it throws ends this vCPU, and nothing else.
    private bool TryNext()
    {
        try
        {
            return _options.TryNext(out _step);
        }
        catch (Exception e)
        {
            _ = _options.Progress.Finished.TrySetException(e);
            return false;
        }
    }

    private ulong? Expected()
    {
        try
        {
            return _options.Check?.WordAt(_step.Region, _step.Page, GuestLayout.ReadOnlyLaneOf(_step.Page));
        }
        catch (Exception e)
        {
            _ = _options.Progress.Finished.TrySetException(e);
            _stopped = true;
            return null;
        }
    }

    private void Touch()
    {
        ulong address = _options.Regions[_step.Region].Address + ((ulong)_step.Page << PageSize.BaseShift);
        if (_step.IsWrite)
        {
            ulong value = GuestLayout.ValueOf(_options.Number, _options.Progress.Accesses);
            _access.Begin(address + (ulong)GuestLayout.LaneOf(_options.Number), AccessKind.Write, value, GuestLayout.LaneBytes);
        }
        else
        {
            _access.Begin(address + (ulong)GuestLayout.ReadOnlyLaneOf(_step.Page), AccessKind.Read, 0, GuestLayout.LaneBytes);
        }

        _access.Step();
    }

    private void Account()
    {
        VcpuProgress progress = _options.Progress;
        if (_access.TakeTrace() is { } trace) progress.Latency.Record(trace);
        progress.Faults = _access.Faults;
        if (_access.Outcome != AccessOutcome.Ok)
        {
            progress.Error = $"vCPU {_options.Number} got {_access.Outcome} (code {_access.SignalCode}) at 0x{_access.Address:x}";
            return;
        }

        if (!_step.IsWrite && _options.Check is not null && Expected() is { } expected && expected != _access.Value)
        {
            progress.Error = $"vCPU {_options.Number} read 0x{_access.Value:x16} at 0x{_access.Address:x}, expected 0x{expected:x16}";
            return;
        }

        progress.Accesses++;
    }

    private void End()
    {
        _options.Blocked.Finished(Vm.Time.Now);
        _ = _options.Progress.Finished.TrySetResult();
    }
}
