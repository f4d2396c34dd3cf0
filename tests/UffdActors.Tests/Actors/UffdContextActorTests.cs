using Akka.Actor;
using Akka.TestKit;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;

namespace UffdActors.Tests.Actors;

/// <summary>The contract of the actor of a userfaultfd.</summary>
public sealed class UffdContextActorTests : RingActorTest
{
    [Fact]
    public void UffdContextActor_says_of_each_fork_that_the_child_waits()
    {
        IActorRef context = Root.ChildActorOf(Props.Create<UffdContextActor>(Vm(), new ActorPort()), "context");
        for (int child = 7; child < 9; child++) Descriptor.Messages.Enqueue(UffdMsg.Fork((uint)child));
        context.Tell(new VmProtocol.Serve(Reader));
        for (int child = 7; child < 9; child++)
        {
            AwaitCondition(() => Incidents.Reader.TryPeek(out _));
            Assert.True(Incidents.Reader.TryRead(out Incident? incident));
            Assert.Equal(IncidentKind.ForkedChild, incident!.Kind);
        }
    }

    [Fact]
    public void UffdContextActor_reads_nothing_until_it_serves_and_then_after_every_turn()
    {
        TestProbe handler = CreateTestProbe();
        Thread.Attach(handler);
        IActorRef context = Root.ChildActorOf(Props.Create<UffdContextActor>(Vm(), new ActorPort()), "context");
        Descriptor.Messages.Enqueue(UffdMsg.Pagefault(FaultFlags.None, 103ul << 12, 0));
        context.Tell(VmProtocol.Recover.Instance);
        context.Tell(new VmProtocol.Serve(Reader));
        PageRequest request = handler.ExpectMsg<PageRequest>();
        Assert.Equal((3L, RequestPhase.New), (request.Page, request.Phase));

        // Faults of the page that come meanwhile meet in the same request; a dismissed one wakes its threads.
        Descriptor.Messages.Enqueue(UffdMsg.Pagefault(FaultFlags.Write, 103ul << 12, 0));
        Descriptor.Messages.Enqueue(UffdMsg.Pagefault(FaultFlags.None, 104ul << 12, 0));
        context.Tell(VmProtocol.Recover.Instance);
        Assert.Equal(4, handler.ExpectMsg<PageRequest>().Page);
        Assert.Equal(2, request.Waiters);
        request.Phase = RequestPhase.Dismissed;
        context.Tell(request);
        AwaitCondition(() => Descriptor.Woken.Contains(103ul << 12));
    }

    [Fact]
    public void UffdContextActor_hands_faults_on_after_it_has_applied_the_events_behind_them()
    {
        TestProbe handler = CreateTestProbe();
        Thread.Attach(handler);
        IActorRef context = Root.ChildActorOf(Props.Create<UffdContextActor>(Vm(), new ActorPort()), "context");
        Descriptor.Messages.Enqueue(UffdMsg.Pagefault(FaultFlags.None, 103ul << 12, 0));
        Descriptor.Messages.Enqueue(UffdMsg.Remove(103ul << 12, 104ul << 12));
        context.Tell(new VmProtocol.Serve(Reader));
        _ = handler.ExpectMsg<PageRequest>();
        // When the request arrives, the event that was read after it is known already.
        Assert.True(Reader.View.IsRemoved(103));
    }

    [Fact]
    public void UffdContextActor_wakes_the_pages_of_a_crashed_handler_and_leaves_a_deadly_one_alone()
    {
        TestProbe handler = CreateTestProbe();
        Thread.Attach(handler);
        IActorRef context = Root.ChildActorOf(Props.Create<UffdContextActor>(Vm(), new ActorPort()), "context");
        context.Tell(new VmProtocol.Serve(Reader));
        for (int crash = 0; crash < 2; crash++)
        {
            Descriptor.Messages.Enqueue(UffdMsg.Pagefault(FaultFlags.None, 103ul << 12, 0));
            context.Tell(new VmProtocol.Serve(Reader));
            context.Tell(new VmProtocol.HandlerCrashed(0, handler.ExpectMsg<PageRequest>()));
        }

        AwaitCondition(() => Incidents.Reader.TryPeek(out _));
        Assert.True(Incidents.Reader.TryRead(out Incident? incident));
        Assert.Equal(IncidentKind.PageQuarantined, incident!.Kind);
        Assert.Equal((2, 2), (Descriptor.Woken.Count, Slot.Incarnation));
    }

    [Fact]
    public void UffdContextActor_asks_the_kernel_for_faults_that_nobody_announced_before_a_chunk_begins()
    {
        UnpolledDescriptor descriptor = new();
        TestProbe handler = CreateTestProbe("handler");
        Thread.Attach(handler);
        ServedRegion region = new(0, new PageRange(100, 108), 100, ResolveBy.Copy, Pages);
        FaultReader reader = new(descriptor, [Slot], RegionView.Empty.With(region), Time, crashLimit: 2);
        IActorRef context = Root.ChildActorOf(UffdContextActor.Props(Vm(), descriptor), "asked");
        context.Tell(new VmProtocol.Serve(reader));
        descriptor.Unpolled.Enqueue(UffdMsg.Pagefault(FaultFlags.None, 101ul << PageSize.BaseShift, 0));

        PushGate gate = new(Source);
        context.Tell(gate);
        PageRequest demand = handler.ExpectMsg<PageRequest>();
        context.Tell(new Identify(1), handler);
        _ = handler.ExpectMsg<ActorIdentity>();
        Assert.False(Source.HasMessages);

        context.Tell(demand);
        Assert.Same(gate, Source.ExpectMsg<PushGate>());
    }
}
