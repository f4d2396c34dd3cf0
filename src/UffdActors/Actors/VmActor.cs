using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Model.Operations;

namespace UffdActors.Actors;

/// <summary>
/// Root of a VM: parent of its address space, contexts, vCPUs, handlers, page sources. Makes them on request, and closes the VM when one
/// of the ring fails.
/// </summary>
/// <remarks>
/// States: <em>running</em>; <em>failed</em>, after a ring actor has thrown: nothing is started any more, no page is filled with anything
/// that is not its content, and threads stay where they are until the VM is disposed of.
/// </remarks>
internal sealed class VmActor : UntypedActor
{
    private const int HandlerRestarts = 1000;

    private readonly VmContext _vm;
    private readonly VmHealth _health;

    public VmActor(VmContext vm, VmHealth health)
    {
        _vm = vm;
        _health = health;
        vm.Root = Self;
    }

    public static Props Props(VmContext vm, VmHealth health) => Akka.Actor.Props.Create<VmActor>(vm, health).WithDispatcher(vm.DispatcherId);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case VmProtocol.RingFailed failed:
                OnRingFailed(failed);
                break;
            case VmProtocol.Attach attach:
                foreach (Owner owner in attach.Owners) owner.Attach(OwnerActors.Make(Context, _vm, owner));
                attach.Done.TrySetResult();
                break;
            case VmProtocol.StartSource start:
                start.Done.TrySetResult(Context.ActorOf(SourceActor.Props(start.Source, _vm.DispatcherId), start.Name));
                break;
            case VmProtocol.StartHandlers start:
                foreach (HandlerOptions options in start.Handlers)
                    Start(options.Reader.Handlers[options.Number].Thread, HandlerActor.Props(_vm, options), $"{start.Name}-{options.Number}");
                ((ActorPort)start.Reader.Context.Port).Self.Tell(new VmProtocol.Serve(start.Reader));
                start.Done.TrySetResult();
                break;
            case VmProtocol.StartPush start:
                Start(start.Options.Thread, PushActor.Props(_vm, start.Options), start.Name).Tell(VmProtocol.Resume.Instance);
                start.Done.TrySetResult();
                break;
            case VmProtocol.StartVcpus start:
                StartVcpus(start);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(
        HandlerRestarts,
        TimeSpan.FromMinutes(1),
        reason =>
        {
            if (Sender.Path.Name.StartsWith(VmProtocol.HandlerName, StringComparison.Ordinal)) return Directive.Restart;
            _vm.Fail(Sender, reason, null);
            return Directive.Stop;
        });

    private IActorRef Start(Caller thread, Props props, string name)
    {
        ActorPort port = new(_vm.SplitsTurns);
        IActorRef actor = Context.ActorOf(props, name);
        port.Bind(actor);
        thread.Attach(port);
        return actor;
    }

    private void StartVcpus(VmProtocol.StartVcpus start)
    {
        List<IActorRef> vcpus = [];
        foreach (VcpuOptions options in start.Vcpus)
        {
            ActorPort port = new(_vm.SplitsTurns);
            IActorRef actor = Context.ActorOf(VcpuActor.Props(_vm, port, options), $"{start.Name}-{options.Number}");
            port.Bind(actor);
            options.Thread.Attach(port);
            vcpus.Add(actor);
        }

        foreach (IActorRef vcpu in vcpus) vcpu.Tell(VmProtocol.Resume.Instance);
        start.Done.TrySetResult([.. vcpus]);
    }

    private void OnRingFailed(VmProtocol.RingFailed failed)
    {
        if (!_health.TryFail(failed.Reason)) return;
        _vm.Incidents.Report(new Incident(
            IncidentKind.VmFailed,
            $"{_vm.Name} has failed closed: {failed.Actor.Path.Name} threw {failed.Reason.GetType().Name} ({failed.Reason.Message}) on {failed.Message ?? "a message"}. Its vCPUs stay stopped.",
            failed.Reason));
    }
}

/// <summary>Whether a VM still works.</summary>
internal sealed class VmHealth
{
    private readonly TaskCompletionSource<Exception> _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends with the cause when the VM fails.</summary>
    public Task<Exception> Failed => _failed.Task;

    /// <summary>The first failure counts.</summary>
    public bool TryFail(Exception reason) => _failed.TrySetResult(reason);
}
