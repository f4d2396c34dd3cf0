using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Tests.Runtime;

namespace UffdActors.Tests.Actors;

/// <summary>The contract of the actor of the root of a VM.</summary>
public sealed class VmActorTests : RingActorTest
{
    [Fact]
    public void VmActor_restarts_handlers_and_nobody_else()
    {
        VmHealth health = new();
        IActorRef vm = Root.ChildActorOf(VmActor.Props(Vm(new ThrowingProbe()), health), "vm");
        StartHandlers(vm);
        Context.ExpectMsg<VmProtocol.Serve>();
        Thread.Actor.Tell(NewRequest());
        // Crashed, restarted, and at work again.
        _ = Context.ExpectMsg<VmProtocol.HandlerCrashed>();
        Thread.Actor.Tell(NewRequest());
        _ = Context.ExpectMsg<VmProtocol.HandlerCrashed>();
        Assert.Null(health.Cause);

        TaskCompletionSource<IActorRef> started = new();
        vm.Tell(new VmProtocol.StartActor(SourceActor.Props(new TestSource(1), "uffd.parallel"), "source", started));
        AwaitCondition(() => started.Task.IsCompleted);
    }

    [Fact]
    public void VmActor_fails_closed_stops_every_child_and_starts_nothing_more()
    {
        VmHealth health = new();
        VmContext context = Vm();
        IActorRef vm = Root.ChildActorOf(VmActor.Props(context, health), "vm");
        StartHandlers(vm);
        Context.ExpectMsg<VmProtocol.Serve>();
        _ = Watch(Thread.Actor);
        context.Fail(Thread.Actor, new InvalidOperationException("broken"), null);
        _ = ExpectTerminated(Thread.Actor);
        Assert.Equal("broken", health.Cause?.Message);
        Assert.True(Incidents.Reader.TryRead(out Incident? incident));
        Assert.Equal(IncidentKind.VmFailed, incident!.Kind);

        TaskCompletionSource never = new();
        TaskCompletionSource gone = new();
        vm.Tell(new VmProtocol.Attach([], never));
        vm.Tell(new VmProtocol.StopVm(gone));
        AwaitCondition(() => gone.Task.IsCompleted);
        Assert.False(never.Task.IsCompleted);
    }

    [Fact]
    public void VmActor_answers_a_stop_of_children_when_they_are_gone()
    {
        IActorRef vm = Root.ChildActorOf(VmActor.Props(Vm(), new VmHealth()), "vm");
        StartHandlers(vm);
        TaskCompletionSource stopped = new();
        _ = Watch(Thread.Actor);
        vm.Tell(new VmProtocol.StopChildren([Thread.Actor], stopped));
        _ = ExpectTerminated(Thread.Actor);
        AwaitCondition(() => stopped.Task.IsCompleted);
        // Once more, when they are gone already; and none at all.
        TaskCompletionSource again = new();
        TaskCompletionSource none = new();
        vm.Tell(new VmProtocol.StopChildren([Thread.Actor], again));
        vm.Tell(new VmProtocol.StopChildren([], none));
        AwaitCondition(() => again.Task.IsCompleted && none.Task.IsCompleted);
    }

    private void StartHandlers(IActorRef vm)
    {
        TaskCompletionSource started = new();
        HandlerOptions options = new(Slot, Reader, Context, new TestSource(8), Source);
        vm.Tell(new VmProtocol.StartHandlers(Reader, Context, [options], VmProtocol.HandlerName, started));
        AwaitCondition(() => started.Task.IsCompleted);
    }
}
