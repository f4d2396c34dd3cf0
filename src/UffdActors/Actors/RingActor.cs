using Akka.Actor;
using UffdActors.Model.Turns;

namespace UffdActors.Actors;

/// <summary>
/// An actor that owns one part of the model: every message that carries an operation runs the stage that is due. What happens then is in
/// the model; the actor carries messages and owns the lifetime.
/// </summary>
/// <remarks>
/// An exception here is a bug of the model. The actor is not restarted, for the turn may have left its owner half changed: the VM fails
/// closed (RING F2).
/// </remarks>
internal abstract class RingActor : UntypedActor
{
    private readonly ActorPort _port;

    protected RingActor(VmContext vm, ActorPort port)
    {
        Vm = vm;
        _port = port;
    }

    /// <summary>What all actors of the VM share.</summary>
    protected VmContext Vm { get; }

    /// <summary>Makes the actor of an owner that has come to life in a turn of this one, as a child of this one.</summary>
    public Port SpawnOwner(Owner owner) => OwnerActors.Make(Context, Vm, owner);

    protected override void PreStart() => _port.Actor = this;

    protected override void OnReceive(object message)
    {
        if (message is Operation operation) Run(operation);
        else Unhandled(message);
    }

    /// <summary>Runs the stage that is due here.</summary>
    protected virtual void Run(Operation operation) => operation.Step();

    // Straight to OnReceive: a ring actor has one behaviour, and no timers of Akka's that would have to be looked for in every message.
    protected override bool AroundReceive(Receive receive, object message)
    {
        try
        {
            OnReceive(message);
            return true;
        }
        catch (Exception e)
        {
            Vm.Fail(Self, e, message);
            throw;
        }
    }

    // A child's failing turn has been reported by itself; of one that cannot even start this is the only report.
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(reason =>
    {
        Vm.Fail(Sender, reason, null);
        return Directive.Stop;
    });
}
