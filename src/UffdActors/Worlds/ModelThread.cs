using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Userfault;

namespace UffdActors.Worlds;

/// <summary>A monitor's thread in the model: its calls are operations, and travel from owner to owner.</summary>
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
    public override bool HasProtection(ulong address) =>
        caller.Mm.EntryAt(PageSize.PageOf(address)) is var entry && (entry.IsWp || entry.Kind == EntryKind.WpMarker);

    /// <inheritdoc />
    public override void Wake(ulong start, ulong length) => new Wake(caller, context, start, length).Step();
}

/// <summary>A fill of the model, for a request or for the push.</summary>
internal class ModelFill : Fill, IPageFill
{
    private readonly UserfaultContext _context;

    public ModelFill(Caller caller, UserfaultContext context, PageRequest? request)
        : base(caller)
    {
        _context = context;
        Request = request;
        ReportsSuccess = request is null;
    }

    /// <inheritdoc />
    public PageRequest? Request { get; }

    /// <inheritdoc />
    public void DecideOn(long epoch) => DecidedOn = epoch;

    /// <inheritdoc />
    public void Begin(FillKind kind, ulong start, ulong length, FillSource source, FillModes modes) =>
        Begin(_context, kind, start, length, source, modes);

    /// <inheritdoc />
    public bool Advance()
    {
        Step();
        return EndedHere;
    }

    protected override void OnFilled() => Request?.StampInstalled();

    protected override void OnSucceeded() => Request?.Complete();
}

/// <summary>Clears the write protection of a request's page.</summary>
internal sealed class ModelClear(Caller caller, UserfaultContext context, PageRequest request)
    : WriteProtect(caller, context, request.Address, (ulong)request.Bytes, (ulong)WriteProtectModes.Clear), IMonitorCall
{
    /// <inheritdoc />
    public PageRequest Request { get; } = request;

    /// <inheritdoc />
    public bool Advance()
    {
        Step();
        return EndedHere;
    }

    // An event that came after the handler's look may have brought another page here.
    protected override Errno BeforeChange() => On.ChangeEpoch != Request.DecidedOn ? Errno.EAGAIN : Request.BeforeWrite();
}

/// <summary>Faults a page of the alias in, like any other access.</summary>
internal sealed class ModelPopulate(Caller caller, PageRequest request) : Access(caller), IMonitorCall
{
    /// <inheritdoc />
    public PageRequest Request { get; } = request;

    /// <inheritdoc />
    public Errno Error => Outcome == AccessOutcome.Ok ? Errno.None : Errno.EFAULT;

    /// <inheritdoc />
    public bool Advance()
    {
        Step();
        return EndedHere;
    }
}
