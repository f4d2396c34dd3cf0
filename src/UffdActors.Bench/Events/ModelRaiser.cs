using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Turns;
using UffdActors.Worlds;

namespace UffdActors.Bench.Events;

/// <summary>
/// A thread of the model that frees pages: the next madvise begins in the turn in which the one before it has ended.
/// </summary>
internal sealed class ModelRaiser : RingActor
{
    private readonly Caller _caller;
    private readonly EventRun _run;
    private CancellationToken _cancel;

    public ModelRaiser(UffdVm vm, ActorPort port, Caller caller, EventRun run)
        : base(vm.Context, port)
    {
        _caller = caller;
        _run = run;
    }

    public static async Task<IEventRaiser> CreateAsync(UffdVm vm, EventRun run)
    {
        Caller caller = ((ModelKernel)vm.Kernel).NewThread();
        ActorPort port = new();
        IActorRef actor = await vm.Root.StartActorAsync(
            Props.Create<ModelRaiser>(vm, port, caller, run).WithDispatcher(vm.Context.DispatcherId), vm.Root.NewName("raiser"));
        port.Bind(actor);
        caller.Attach(port);
        return new Handle(actor);
    }

    protected override void OnReceive(object message)
    {
        if (message is Begin begin)
        {
            _cancel = begin.Cancel;
            RaiseNext();
        }
        else
        {
            base.OnReceive(message);
        }
    }

    protected override void Run(Operation operation)
    {
        operation.Step();
        if (operation.TakeFinished() is not AdviseMemory call) return;
        if (call.Error == Errno.None) RaiseNext();
        else _ = _run.Ended.TrySetException(new UffdException("madvise", call.Error, KernelErrors.Explain("madvise", call.Error)));
    }

    private void RaiseNext()
    {
        if (_cancel.IsCancellationRequested) _ = _run.Ended.TrySetCanceled(_cancel);
        else if (!_run.TryNext(out long offset)) _ = _run.Ended.TrySetResult();
        else Run(new AdviseMemory(_caller, _run.Region.Address + (ulong)offset, 1UL << PageSize.BaseShift, Advice.DontNeed));
    }

    private sealed record Begin(CancellationToken Cancel);

    // Ends with the VM.
    private sealed class Handle(IActorRef actor) : IEventRaiser
    {
        public void Start(CancellationToken cancel) => actor.Tell(new Begin(cancel), ActorRefs.NoSender);

        public void Dispose()
        {
        }
    }
}
