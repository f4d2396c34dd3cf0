using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Model.Memory;

namespace UffdActors.Tests.Actors;

/// <summary>The contract of the actor of the background push.</summary>
public sealed class PushActorTests : RingActorTest
{
    [Fact]
    public void PushActor_has_one_chunk_in_flight_lets_demands_go_first_and_passes_over_what_is_there()
    {
        _ = Pages.Received.Set(2);
        PushProgress progress = new(new TaskCompletionSource());
        IActorRef push =
            Root.ChildActorOf(PushActor.Props(Vm(), new PushOptions(Reader, Context, Thread, Source, 0, Pages, progress, 4)), "push");
        Thread.Attach(push);
        push.Tell(VmProtocol.Resume.Instance);
        Context.ExpectMsg<PushGate>().Open();
        PushOrder order = Source.ExpectMsg<PushOrder>();
        Assert.Equal((0L, 2), (order.FirstPage, order.Pages));
        Assert.True(order.TakeAnswer(0, 2, SourceContent.Zero, 0));
        push.Tell(order);
        // Only now the next: behind the page that a demand has brought, and when the context lets it.
        Context.ExpectMsg<PushGate>().Open();
        order = Source.ExpectMsg<PushOrder>();
        Assert.Equal((3L, 4), (order.FirstPage, order.Pages));
        Assert.Equal([(FillKind.ZeroPage, 100ul << 12, 8192ul, FillSource.Zero)], Thread.Fills);
        Assert.Equal(2, progress.ZeroPages);
    }

    [Fact]
    public void PushActor_that_is_held_asks_for_nothing_although_demands_have_let_it_go_on()
    {
        PushProgress progress = new(new TaskCompletionSource());
        IActorRef push =
            Root.ChildActorOf(PushActor.Props(Vm(), new PushOptions(Reader, Context, Thread, Source, 0, Pages, progress, 4)), "push");
        Thread.Attach(push);
        push.Tell(VmProtocol.Resume.Instance);
        PushGate gate = Context.ExpectMsg<PushGate>();
        push.Tell(new VmProtocol.HoldPush(true));
        gate.Open();
        // Behind the gate in its mailbox.
        push.Tell(new Identify(1), Context);
        _ = Context.ExpectMsg<ActorIdentity>();
        Assert.False(Source.HasMessages);

        push.Tell(new VmProtocol.HoldPush(false));
        Context.ExpectMsg<PushGate>().Open();
        Assert.Equal((0L, 4), Source.ExpectMsg<PushOrder>() is var order ? (order.FirstPage, order.Pages) : default);
    }

    [Fact]
    public void PushActor_that_begins_held_asks_for_nothing_until_it_is_resumed()
    {
        PushProgress progress = new(new TaskCompletionSource());
        PushOptions options = new(Reader, Context, Thread, Source, 0, Pages, progress, 4, IsHeld: true);
        IActorRef push = Root.ChildActorOf(PushActor.Props(Vm(), options), "push");
        Thread.Attach(push);
        push.Tell(VmProtocol.Resume.Instance);
        push.Tell(new Identify(1), Context);
        // Nothing before it: neither a gate nor an order.
        _ = Context.ExpectMsg<ActorIdentity>();
        Assert.False(Source.HasMessages);

        push.Tell(new VmProtocol.HoldPush(false));
        Context.ExpectMsg<PushGate>().Open();
        Assert.Equal(4, Source.ExpectMsg<PushOrder>().Pages);
    }

    [Fact]
    public void PushActor_tells_whoever_waits_when_it_is_stopped()
    {
        PushProgress progress = new(new TaskCompletionSource());
        IActorRef push =
            Root.ChildActorOf(PushActor.Props(Vm(), new PushOptions(Reader, Context, Thread, Source, 0, Pages, progress, 4)), "push");
        _ = Watch(push);
        Sys.Stop(push);
        _ = ExpectTerminated(push);
        _ = Assert.IsType<VmFailedException>(progress.Finished.Task.Exception?.InnerException);
        Assert.True(Thread.HasExited);
    }
}
