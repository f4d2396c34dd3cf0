using Akka.Actor;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Dispatch;
using UffdActors.Handling;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Files;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;
using UffdActors.Worlds;

namespace UffdActors.Explore.Scenes;

/// <summary>
/// Makes the parts of a run: the shipped ones. A mutant overrides the one that it breaks; the product has no switch for it.
/// </summary>
[MutationPoint("all rules of RING that have a mutant")]
internal class RunParts
{
    /// <summary>The parts that ship.</summary>
    public static RunParts Shipped { get; } = new();

    /// <summary>An address space.</summary>
    public virtual AddressSpace NewAddressSpace(Machine machine) => new(machine);

    /// <summary>A userfaultfd context.</summary>
    public virtual UserfaultContext NewContext(AddressSpace mm, int number) => new(mm, UffdOpenFlags.NonBlock, number);

    /// <summary>A thread's access.</summary>
    public virtual Access NewAccess(Caller thread) => new(thread);

    /// <summary>A thread's fill.</summary>
    public virtual Fill NewFill(Caller thread) => new(thread);

    /// <summary>The thread of a handler or a push.</summary>
    public virtual MonitorThread NewMonitorThread(Caller caller, UserfaultContext context) =>
        new ModelThread(caller, context, splitsTurns: true);

    /// <summary>A look of the embedder's reader.</summary>
    public virtual Peek NewPeek(Caller thread, ulong address) => new(thread, address);

    /// <summary>UFFDIO_UNREGISTER.</summary>
    public virtual Operation NewUnregister(Caller thread, UserfaultContext context, ulong start, ulong length) =>
        new Unregister(thread, context, start, length);

    /// <summary>UFFDIO_MOVE.</summary>
    public virtual Operation NewMove(Caller thread, UserfaultContext context, ulong destination, ulong source, ulong length) =>
        new Move(thread, context, destination, source, length, (ulong)MoveModes.None);

    /// <summary>fallocate with PUNCH_HOLE.</summary>
    public virtual Operation NewPunch(Caller thread, MemoryFile file, long offset, long length) =>
        new PunchHole(thread, file, offset, length);

    /// <summary>Clock and timers.</summary>
    public virtual RingTime NewTime(RingTime time) => time;

    /// <summary>The actor in front of a page source.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="source">The source.</param>
    /// <param name="watch">Checks its answers; null where every answer is right.</param>
    public virtual Props SourceProps(VmContext vm, IPageSource source, SourceWatch? watch) =>
        SourceActor.Props(source, vm.DispatcherId, watch, watch is null ? null : vm.Time);

    /// <summary>Tracks the pages named by REMOVE events.</summary>
    public virtual RemovedPages NewRemovedPages(RegionPages pages, RemovalTerms terms, Func<long, PageLook?> look) =>
        new(pages, terms, look);

    /// <summary>The background push.</summary>
    public virtual Props PushProps(VmContext vm, PushOptions options) => PushActor.Props(vm, options);

    /// <summary>The reader of a context.</summary>
    public virtual FaultReader NewReader(
        IUffdDescriptor descriptor, HandlerSlot[] handlers, RegionView view, RingTime time, int crashLimit) =>
        new(descriptor, handlers, view, time, crashLimit);
}
