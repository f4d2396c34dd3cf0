using Akka.Actor;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Actors;

/// <summary>Which actor stands for which owner of the model.</summary>
internal static class OwnerActors
{
    /// <summary>Makes the actor of an owner as a child of the actor whose turn this is.</summary>
    public static Port Make(IActorContext parent, VmContext vm, Owner owner)
    {
        if (vm.Pool?.Take(owner) is { } spare) return spare;
        ActorPort port = new(vm.SplitsTurns);
        port.Bind(parent.ActorOf(PropsOf(owner, vm, port).WithDispatcher(vm.DispatcherId), NameOf(owner, vm)));
        vm.Pool?.Made(port, owner);
        return port;
    }

    private static Props PropsOf(Owner owner, VmContext vm, ActorPort port) => owner switch
    {
        VmaOwner => Props.Create<VmaActor>(vm, port),
        Backend => Props.Create<BackendActor>(vm, port),
        UserfaultContext => Props.Create<UffdContextActor>(vm, port),
        AddressSpace => Props.Create<AddressSpaceActor>(vm, port),
        Caller => Props.Create<CallerActor>(vm, port),
        _ => throw new InvalidOperationException($"{owner} has no actor."),
    };

    // The number is the VM's, so that two files' backends or a parent's and a child's contexts do not collide.
    private static string NameOf(Owner owner, VmContext vm)
    {
        string kind = owner switch
        {
            VmaOwner => "vma",
            Backend backend => $"backend-{backend.Module.Name}",
            UserfaultContext => "context",
            AddressSpace => "mm",
            _ => "thread",
        };
        return $"{kind}-{vm.NextActorNumber()}";
    }
}

/// <summary>
/// The control plane of one address space: map, unmap, protect, remap, register, unregister, fork. Parent of its VMAs and of the
/// backends that it maps.
/// </summary>
internal sealed class AddressSpaceActor(VmContext vm, ActorPort port) : RingActor(vm, port);

/// <summary>One VMA: the single writer of its entries.</summary>
internal sealed class VmaActor(VmContext vm, ActorPort port) : RingActor(vm, port);

/// <summary>
/// One memory module in one address space: the turns in which the module's hooks run. A module that throws fails the operation, with EIO,
/// and nothing else; that is in the model.
/// </summary>
internal sealed class BackendActor(VmContext vm, ActorPort port) : RingActor(vm, port);

/// <summary>
/// A thread that makes calls for somebody outside the ring: the embedder through the facade, or a program that is replayed.
/// </summary>
internal sealed class CallerActor(VmContext vm, ActorPort port) : RingActor(vm, port)
{
    private readonly Dictionary<Operation, TaskCompletionSource<Operation>> _waiting = [];

    protected override void OnReceive(object message)
    {
        if (message is VmProtocol.Call call)
        {
            if (call.Cancel.IsCancellationRequested)
            {
                _ = call.Completion.TrySetCanceled(call.Cancel);
                return;
            }

            _waiting.Add(call.Operation, call.Completion);
            Run(call.Operation);
        }
        else
        {
            base.OnReceive(message);
        }
    }

    protected override void Run(Operation operation)
    {
        operation.Step();
        if (operation.TakeFinished() is not { } finished) return;
        if (_waiting.Remove(finished, out TaskCompletionSource<Operation>? completion)) _ = completion.TrySetResult(finished);
        else Vm.Finished?.Invoke(finished);
    }

    protected override void PostStop()
    {
        foreach (TaskCompletionSource<Operation> completion in _waiting.Values)
            _ = completion.TrySetException(new VmFailedException($"{Vm.Name} was stopped before the call had ended."));
        _waiting.Clear();
        base.PostStop();
    }
}
