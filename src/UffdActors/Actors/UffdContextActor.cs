using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Model.Operations;
using UffdActors.Model.Userfault;

namespace UffdActors.Actors;

/// <summary>
/// <c>userfaultfd_ctx</c> and the monitor that reads it: faults are queued here, read here, and handed to handlers; events are queued,
/// read and applied here; threads are woken from here.
/// </summary>
/// <remarks>
/// Two states. <em>Bare</em>: only the kernel's side; whoever has the descriptor reads it by calls. <em>Serving</em>, from
/// <see cref="VmProtocol.Serve"/> on: after every turn everything that can be read is read.
/// </remarks>
internal sealed class UffdContextActor : RingActor, IFaultRoute
{
    private readonly UserfaultContext _context;
    private FaultReader? _reader;

    public UffdContextActor(VmContext vm, ActorPort port, UserfaultContext context)
        : base(vm, port) => _context = context;

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case PageRequest { Phase: RequestPhase.Dismissed } dismissed:
                _reader!.Dismiss(dismissed);
                break;
            case Operation operation:
                Run(operation);
                break;
            case VmProtocol.Serve serve:
                _reader = serve.Reader;
                break;
            case VmProtocol.HandlerCrashed crashed:
                OnHandlerCrashed(crashed);
                break;
            case VmProtocol.Recover:
                _reader?.Recover();
                break;
            default:
                Unhandled(message);
                return;
        }

        if (_reader is not null && _context.HasMessages) _reader.Read(this);
    }

    protected override void Run(Operation operation)
    {
        operation.Step();
        if (operation is PageRequest { IsFinished: true } request) _reader!.Completed(request);
    }

    /// <inheritdoc />
    public void Hand(PageRequest request) => request.Caller.Port.Send(request);

    /// <inheritdoc />
    public void EventsApplied()
    {
        foreach (HandlerSlot handler in _reader!.Handlers) ((ActorPort)handler.Thread.Port).Self.Tell(VmProtocol.EventsApplied.Instance, ActorRefs.NoSender);
    }

    private void OnHandlerCrashed(VmProtocol.HandlerCrashed crashed)
    {
        if (_reader?.HandlerCrashed(crashed.Handler, crashed.During) is not { } page) return;
        Vm.Incidents.Report(new Incident(
            IncidentKind.PageQuarantined,
            $"Handler {crashed.Handler} crashed repeatedly on the page at 0x{page:x}; its threads wait until recover or abandon is called."));
    }
}
