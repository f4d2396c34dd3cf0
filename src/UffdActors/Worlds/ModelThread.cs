using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Worlds;

/// <summary>A monitor's thread in the model: its calls are operations, and travel from owner to owner.</summary>
[MutationPoint("RING R2, S5")]
internal class ModelThread(Caller caller, UserfaultContext context, bool splitsTurns) : MonitorThread
{
    /// <inheritdoc />
    public override void Attach(IActorRef actor)
    {
        base.Attach(actor);
        ActorPort port = new(splitsTurns);
        port.Bind(actor);
        caller.Attach(port);
    }

    /// <inheritdoc />
    public override void Exit() => caller.Exit();

    /// <inheritdoc />
    public override long ChangeEpoch
    {
        get
        {
            // The epoch first: an event that begins and ends between the two looks makes it an old one. While an event is unread, the
            // reader's view does not know of it yet, though the epoch does: nothing can be decided on that, so no epoch is given out.
            long epoch = context.ChangeEpoch;
            return context.IsChanging ? MonitorThread.Undecidable : epoch;
        }
    }

    /// <inheritdoc />
    public override IPageFill NewFill(PageRequest? request) => new ModelFill(caller, context, request);

    /// <inheritdoc />
    public override IMonitorCall ClearProtection(PageRequest request) => new ModelClear(caller, context, request);

    /// <inheritdoc />
    public override IMonitorCall PopulateAlias(PageRequest request, ulong address)
    {
        ModelPopulate access = new(caller, request);
        access.Begin(address, AccessKind.Read | AccessKind.Kernel);
        return access;
    }

    /// <inheritdoc />
    public override bool TryWriteAlias(ulong address, nint bytes, int length) =>
        DirectWrite.TryWrite(caller, address, bytes, length) == length;

    /// <inheritdoc />
    public override (bool IsMapped, bool IsProtected)? EntryOf(ulong address) => ModelReader.EntryOf(caller.Mm, address);

    /// <inheritdoc />
    public override void Wake(ulong start, ulong length) => new Wake(caller, context, start, length).Step();
}
