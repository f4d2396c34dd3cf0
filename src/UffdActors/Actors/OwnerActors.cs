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
            Backend backend => $"backend-{backend.Module.Facts.Name}",
            UserfaultContext => "context",
            AddressSpace => "mm",
            _ => "thread",
        };
        return $"{kind}-{vm.NextActorNumber()}";
    }
}
