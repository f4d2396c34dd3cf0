using Akka.Actor;

namespace UffdActors.Kvm.Vcpus;

/// <summary>
/// Controls a vCPU. <i>Paused</i>: stopped between two instructions; its registers can be read and written. <i>Running</i>: its thread is
/// in KVM_RUN. <i>Pausing</i>: it has been kicked, and callers wait until it is paused. <i>Ended</i>: the guest has halted it, or it has
/// failed; it runs again only after a state was loaded. <i>Stopped</i>: for good.
/// </summary>
/// <remarks>The actor never blocks: its thread does, and sends it a message.</remarks>
internal sealed class VcpuActor : UntypedActor
{
    private readonly VcpuThread _thread;
    private readonly VcpuView _view;
    private readonly List<TaskCompletionSource> _waiting = [];
    private bool _isToStop;

    public VcpuActor(VcpuParts parts, VcpuView view)
    {
        _view = view;
        IActorRef self = Self;
        _thread = new VcpuThread(parts, end => self.Tell(new VcpuProtocol.RunOver(end)));
        view.Thread = _thread;
    }

    public static Props Props(VcpuParts parts, VcpuView view) => Akka.Actor.Props.Create(() => new VcpuActor(parts, view));

    protected override void PreStart()
    {
        _thread.Start();
        Enter(VcpuPhase.Paused);
    }

    protected override void OnReceive(object message) => Paused(message);

    private void Paused(object message)
    {
        switch (message)
        {
            case VcpuProtocol.Resume resume:
                _thread.Run();
                Enter(VcpuPhase.Running);
                _ = resume.Done.TrySetResult();
                break;
            case VcpuProtocol.Pause pause:
                _ = pause.Done.TrySetResult();
                break;
            case VcpuProtocol.Stop stop:
                Enter(VcpuPhase.Stopped);
                _view.HasEnded(Stopped());
                _ = stop.Done.TrySetResult();
                break;
            case VcpuProtocol.Work work:
                Do(work);
                break;
        }
    }

    private void Running(object message)
    {
        switch (message)
        {
            case VcpuProtocol.Resume resume:
                _ = resume.Done.TrySetResult();
                break;
            case VcpuProtocol.Pause pause:
                Kick(pause.Done);
                break;
            case VcpuProtocol.Stop stop:
                _isToStop = true;
                Kick(stop.Done);
                break;
            case VcpuProtocol.Work work:
                work.Fail(new InvalidOperationException($"vCPU {_view.Number} runs; pause it first."));
                break;
            case VcpuProtocol.RunOver over:
                Stand(over.End);
                break;
        }
    }

    private void Pausing(object message)
    {
        switch (message)
        {
            case VcpuProtocol.Resume resume:
                _ = resume.Done.TrySetException(new InvalidOperationException($"vCPU {_view.Number} is being paused; wait for that."));
                break;
            case VcpuProtocol.Pause pause:
                _waiting.Add(pause.Done);
                break;
            case VcpuProtocol.Stop stop:
                _isToStop = true;
                _waiting.Add(stop.Done);
                break;
            case VcpuProtocol.Work work:
                work.Fail(new InvalidOperationException($"vCPU {_view.Number} is being paused; wait for that."));
                break;
            case VcpuProtocol.RunOver over:
                Stand(over.End);
                break;
        }
    }

    private void Ended(object message)
    {
        switch (message)
        {
            case VcpuProtocol.Resume resume:
                // All vCPUs of a machine are resumed together; one that the guest has halted stays halted.
                if (_view.End is { IsDone: true }) _ = resume.Done.TrySetResult();
                else _ = resume.Done.TrySetException(new InvalidOperationException($"It has ended. {_view.End?.Message}"));
                break;
            case VcpuProtocol.Pause pause:
                _ = pause.Done.TrySetResult();
                break;
            case VcpuProtocol.Stop stop:
                Enter(VcpuPhase.Stopped);
                _ = stop.Done.TrySetResult();
                break;
            case VcpuProtocol.Work work:
                Do(work);
                break;
        }
    }

    private void StoppedForGood(object message)
    {
        switch (message)
        {
            case VcpuProtocol.Resume resume:
                _ = resume.Done.TrySetException(new InvalidOperationException($"vCPU {_view.Number} has been stopped for good."));
                break;
            case VcpuProtocol.Pause pause:
                _ = pause.Done.TrySetResult();
                break;
            case VcpuProtocol.Stop stop:
                _ = stop.Done.TrySetResult();
                break;
            case VcpuProtocol.Work work:
                _thread.Do(work.Job);
                break;
        }
    }

    protected override void PostStop()
    {
        _thread.End();
        _view.HasEnded(Stopped());
        foreach (TaskCompletionSource waiting in _waiting) _ = waiting.TrySetCanceled();
    }

    private void Do(VcpuProtocol.Work work)
    {
        _thread.Do(work.Job);
        if (work.IsHaltedAfter is not { } isHalted) return;
        _view.Renew();
        if (isHalted) _view.HasEnded(new VcpuEnd(_view.Number, VcpuEndKind.Halted, $"vCPU {_view.Number} had halted where it came from."));
        Enter(isHalted ? VcpuPhase.Ended : VcpuPhase.Paused);
    }

    private void Kick(TaskCompletionSource done)
    {
        _waiting.Add(done);
        _thread.Kick();
        Enter(VcpuPhase.Pausing);
    }

    private void Stand(VcpuEnd? end)
    {
        Enter(_isToStop ? VcpuPhase.Stopped : end is null ? VcpuPhase.Paused : VcpuPhase.Ended);
        if (end is not null) _view.HasEnded(end);
        else if (_isToStop) _view.HasEnded(Stopped());
        foreach (TaskCompletionSource waiting in _waiting) _ = waiting.TrySetResult();
        _waiting.Clear();
    }

    private void Enter(VcpuPhase phase)
    {
        _view.Phase = phase;
        Become(phase switch
        {
            VcpuPhase.Paused => Paused,
            VcpuPhase.Running => Running,
            VcpuPhase.Pausing => Pausing,
            VcpuPhase.Ended => Ended,
            _ => StoppedForGood,
        });
    }

    private VcpuEnd Stopped() => new(_view.Number, VcpuEndKind.Stopped, $"vCPU {_view.Number} was stopped.");
}
