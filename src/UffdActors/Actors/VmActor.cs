using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Model.Inputs;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Actors;

/// <summary>
/// Root of a VM: parent of its address space, contexts, vCPUs, handlers, page sources. Makes them on request, and closes the VM when one
/// of the ring fails.
/// </summary>
/// <remarks>
/// States: <em>running</em>; <em>failed</em>, after a ring actor has thrown: every actor of the VM is stopped, nothing is started any more,
/// and no page is filled. A call that waits for one of them is told by its <c>PostStop</c>, or by <see cref="VmHealth.Failed"/>.
/// </remarks>
internal sealed class VmActor : UntypedActor
{
    private readonly VmContext _vm;
    private readonly VmHealth _health;
    private readonly List<Stopping> _stopping = [];
    private readonly List<Owner> _owners = [];
    private readonly HashSet<IActorRef> _handlers = [];
    private TaskCompletionSource? _stopped;

    public VmActor(VmContext vm, VmHealth health)
    {
        _vm = vm;
        _health = health;
        vm.Root = Self;
    }

    public static Props Props(VmContext vm, VmHealth health) =>
        Akka.Actor.Props.Create<VmActor>(vm, health).WithDispatcher(vm.DispatcherId);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case VmProtocol.RingFailed failed:
                OnRingFailed(failed);
                break;
            case VmProtocol.StopChildren stop:
                StopChildren(stop);
                break;
            case VmProtocol.ChildStopped stopped:
                OnChildStopped(stopped.Child);
                break;
            case VmProtocol.StopVm stop:
                _stopped = stop.Done;
                Context.Stop(Self);
                break;
            default:
                // A call to a failed VM has been told already.
                if (_health.Cause is null) Start(message);
                break;
        }
    }

    private void Start(object message)
    {
        switch (message)
        {
            case VmProtocol.Attach attach:
                foreach (Owner owner in attach.Owners)
                {
                    owner.Attach(OwnerActors.Make(Context, _vm, owner));
                    if (owner is AddressSpace or UserfaultContext) _owners.Add(owner);
                }

                attach.Done.TrySetResult();
                break;
            case VmProtocol.StartActor start:
                start.Done.TrySetResult(Context.ActorOf(start.Props, start.Name));
                break;
            case VmProtocol.StartHandlers start:
                foreach (HandlerOptions options in start.Handlers)
                    _ = _handlers.Add(Start(options.Slot.Thread, HandlerActor.Props(_vm, options), $"{start.Name}-{options.Slot.Number}"));
                start.Context.Tell(new VmProtocol.Serve(start.Reader));
                start.Done.TrySetResult();
                break;
            case VmProtocol.StartPush start:
                IActorRef push = Start(start.Thread, start.Push, start.Name);
                push.Tell(VmProtocol.Resume.Instance);
                start.Done.TrySetResult(push);
                break;
            case VmProtocol.StartVcpus start:
                StartVcpus(start);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    // All children have ended by now.
    protected override void PostStop()
    {
        if (_stopped is { } asked)
        {
            _ = asked.TrySetResult();
            return;
        }

        // Not stopped by a call of ours: its actor system ends, and with it the VM.
        InvalidOperationException reason = new(VmRoot.SystemIsGone);
        if (_health.TryFail(reason))
            _vm.Incidents.Report(new Incident(IncidentKind.VmFailed, $"{_vm.Name} has failed closed: {VmRoot.SystemIsGone}.", reason));
        _health.EndsWithSystem();
    }

    // Handlers are restarted without limit here: a page on which they keep crashing is left alone, and that is what ends it. A limit
    // would stop the handler in silence.
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(reason =>
    {
        if (reason is not ActorInitializationException && _handlers.Contains(Sender)) return Directive.Restart;
        _vm.Fail(Sender, reason, null);
        return Directive.Stop;
    });

    private static IActorRef Start(MonitorThread thread, Props props, string name)
    {
        IActorRef actor = Context.ActorOf(props, name);
        thread.Attach(actor);
        return actor;
    }

    private void StartVcpus(VmProtocol.StartVcpus start)
    {
        List<IActorRef> vcpus = [];
        foreach (VcpuOptions options in start.Vcpus)
            vcpus.Add(options.Thread.Start(Context, _vm, options, $"{start.Name}-{options.Number}"));

        foreach (IActorRef vcpu in vcpus) vcpu.Tell(VmProtocol.Resume.Instance);
        start.Done.TrySetResult([.. vcpus]);
    }

    private void StopChildren(VmProtocol.StopChildren stop)
    {
        Stopping stopping = new([.. stop.Children], stop.Done);
        _stopping.Add(stopping);
        foreach (IActorRef child in stop.Children) Context.Stop(Context.WatchWith(child, new VmProtocol.ChildStopped(child)));
        if (stop.Children.Count == 0) OnChildStopped(ActorRefs.Nobody);
    }

    private void OnChildStopped(IActorRef child)
    {
        _ = _handlers.Remove(child);
        foreach (Stopping stopping in _stopping.ToArray())
        {
            _ = stopping.Children.Remove(child);
            if (stopping.Children.Count > 0) continue;
            _ = _stopping.Remove(stopping);
            _ = stopping.Done.TrySetResult();
        }
    }

    private void OnRingFailed(VmProtocol.RingFailed failed)
    {
        if (!_health.TryFail(failed.Reason)) return;
        _vm.Incidents.Report(new Incident(
            IncidentKind.VmFailed,
            $"{_vm.Name} has failed closed: {failed.Actor.Path.Name} threw {failed.Reason.GetType().Name} "
                + $"({ForeignText.Of(failed.Reason)}) on {failed.Message ?? "a message"}. Its vCPUs stay stopped; dispose of the VM.",
            failed.Reason,
            VmState.Describe(_owners, failed.Message)));
        foreach (IActorRef child in Context.GetChildren()) Context.Stop(child);
    }

    private sealed record Stopping(HashSet<IActorRef> Children, TaskCompletionSource Done);
}
