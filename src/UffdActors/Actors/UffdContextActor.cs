using Akka.Actor;
using UffdActors.Handling;
using UffdActors.Model.Turns;

namespace UffdActors.Actors;

/// <summary>
/// <c>userfaultfd_ctx</c> and the monitor that reads it: faults are queued here, read here, and handed to handlers; events are queued,
/// read and applied here; threads are woken from here.
/// </summary>
/// <remarks>
/// Two states. <em>Bare</em>: only the kernel's side; threads of the model read it by calls. <em>Serving</em>, from
/// <see cref="VmProtocol.Serve"/> on: after every turn everything that can be read is read.
/// </remarks>
internal sealed class UffdContextActor : RingActor, IFaultRoute
{
    private readonly IOwnedDescriptor? _owned;
    private readonly List<IActorRef> _pushes = [];
    private FaultReader? _reader;

    public UffdContextActor(VmContext vm, ActorPort port)
        : this(vm, port, null)
    {
    }

    public UffdContextActor(VmContext vm, ActorPort port, IOwnedDescriptor? owned)
        : base(vm, port) => _owned = owned;

    public static Props Props(VmContext vm, IOwnedDescriptor owned) =>
        Akka.Actor.Props.Create<UffdContextActor>(vm, new ActorPort(), owned).WithDispatcher(vm.DispatcherId);

    protected override void PreStart()
    {
        base.PreStart();
        _owned?.Open(Self);
    }

    protected override void PostStop()
    {
        _owned?.Close();
        base.PostStop();
    }

    /// <summary>The actor becomes that of another context, which is not served yet. Between runs only.</summary>
    public void Rebind()
    {
        _reader = null;
        _pushes.Clear();
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Operation operation:
                operation.Step();
                break;
            case PageRequest dismissed:
                _reader!.Dismiss(dismissed);
                break;
            case IMonitorCall call:
                _ = call.Advance();
                break;
            case VmProtocol.Serve serve:
                _reader = serve.Reader;
                break;
            case VmProtocol.Readable:
                break;
            case VmProtocol.LookAgain:
                _reader?.Descriptor.Look();
                break;
            case VmProtocol.ReadOn:
                _reader?.ReadOn();
                break;
            case VmProtocol.ReadEvents events:
                if (_reader is not null) ReadAll();
                _ = events.Done.TrySetResult();
                break;
            case PushGate gate:
                if (!_pushes.Contains(gate.Push)) _pushes.Add(gate.Push);
                // A fault that the kernel holds and the loop has not polled yet was raised before this chunk too; but one that is held back
                // waits for its turn.
                _reader!.Descriptor.Look();
                _reader.Read(this);
                _reader!.Await(gate);
                break;
            case VmProtocol.TakenAway away:
                _reader?.TakenAway(away.Region, away.Pages);
                _ = away.Done.TrySetResult();
                break;
            case VmProtocol.Settled settled:
                _reader?.Settle(settled.Region, settled.Pages);
                _ = settled.Done.TrySetResult();
                break;
            case VmProtocol.PushBegun begun:
                if (!_pushes.Contains(begun.Push)) _pushes.Add(begun.Push);
                // No event will come for what was unmapped before.
                begun.Push.Tell(VmProtocol.PartsUnmapped.Instance, ActorRefs.NoSender);
                break;
            case VmProtocol.WakeStray stray:
                _reader?.OnHeld(stray.Address);
                break;
            case VmProtocol.ReadStates { IsBehindFills: false } states:
                // Live, a thread may run before this actor has handled the fill that woke it. The fill is in the mailbox already, so this
                // message is put behind it.
                Self.Tell(states with { IsBehindFills = true }, ActorRefs.NoSender);
                break;
            case VmProtocol.ReadStates states:
                // What was removed before the question must be in the answer.
                if (_reader is not null) ReadAll();
                _ = states.Done.TrySetResult(states.Pages.States(states.Range, states.Written));
                break;
            case VmProtocol.ReadLatencies { IsBehindFills: false } latencies:
                // As above: a thread that has gone on has ended its wait.
                Self.Tell(latencies with { IsBehindFills = true }, ActorRefs.NoSender);
                break;
            case VmProtocol.ReadLatencies latencies:
                _ = latencies.Done.TrySetResult(latencies.Latencies.Snapshot());
                break;
            case VmProtocol.Unmapped unmapped:
                if (_reader is { } serving && serving.Unmapped(unmapped.Start, unmapped.End, unmapped.Seen)) PartsUnmapped();
                _ = unmapped.Done?.TrySetResult();
                break;
            case VmProtocol.Registering registering:
                if (_reader is { } reading && reading.Register(registering.Regions)) PartsUnmapped();
                _ = registering.Done.TrySetResult();
                break;
            case VmProtocol.HandlerCrashed crashed:
                OnHandlerCrashed(crashed);
                break;
            case VmProtocol.Recover:
                _reader?.Recover();
                break;
            case VmProtocol.OwnerGone:
                _reader?.OwnerGone();
                break;
            case VmProtocol.Probe probe:
                if (_reader!.Probe(probe.Outage)) Vm.Time.After(probe.Outage.ProbeDelay(_reader.Outstanding), Self, probe);
                break;
            case VmProtocol.Release release:
                _reader!.Release(release.Outage);
                break;
            case VmProtocol.DropGone:
                _reader!.DropGone();
                break;
            case VmProtocol.HandOutAgain again:
                _reader!.HandOutAgain(again.Address);
                break;
            default:
                Unhandled(message);
                return;
        }

        if (_reader is { } reader && reader.Descriptor.HasMessages) reader.Read(this);
    }

    /// <inheritdoc />
    public void Hand(PageRequest request) => request.Handler.Thread.Tell(request);

    /// <inheritdoc />
    public void PartsUnmapped()
    {
        foreach (IActorRef push in _pushes) push.Tell(VmProtocol.PartsUnmapped.Instance, ActorRefs.NoSender);
    }

    /// <inheritdoc />
    public void Hold(ulong address, TimeSpan delay) => Vm.Time.After(delay, Self, new VmProtocol.WakeStray(address));

    /// <inheritdoc />
    public void LeftAsleep(ulong address, uint thread) => Vm.Incidents.Report(new Incident(
        IncidentKind.UnknownAddress,
        $"{(thread == 0 ? "A thread" : $"Thread {thread}")} faults again and again at 0x{address:x}, in no region that is served (moved "
            + $"away by mremap with MREMAP_DONTUNMAP, or registered by other code?); it is left asleep until it is "
            + $"recovered or abandoned."));

    /// <inheritdoc />
    public void Forked() => Vm.Incidents.Report(Incident.OfFork());

    private void ReadAll()
    {
        // A flood is read in parts, and faults may be held back; whoever asks wants what was there when it asked.
        _reader!.ReadOn();
        do _reader.Read(this);
        while (_reader.Descriptor.HasMessages);
    }

    private void OnHandlerCrashed(VmProtocol.HandlerCrashed crashed)
    {
        if (_reader?.HandlerCrashed(crashed.Handler, crashed.During) is not { } page) return;
        Outage outage = _reader.Outages.Crashes;
        string what = $"handler {crashed.Handler} crashed again and again on the page at 0x{page:x}";
        if (outage.Failed(Waiter.Of(crashed.During!), Vm.Time.Now, what, null, out int failures))
            Vm.Time.After(Backoff.Delay(failures, (long)page), Self, new VmProtocol.HandOutAgain(page));
        else if (outage.TryBeginProbing())
            Vm.Time.After(outage.ProbeDelay((long)page), Self, new VmProtocol.Probe(outage));
    }
}
