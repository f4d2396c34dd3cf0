using Akka.Actor;
using Akka.TestKit;
using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Tests.Runtime;

namespace UffdActors.Tests.Actors;

/// <summary>The contract of the actor of a page source.</summary>
public sealed class SourceActorTests : RingActorTest
{
    [Fact]
    public void SourceActor_gives_each_answer_to_the_handler_that_asked_once()
    {
        TestProbe handler = CreateTestProbe();
        Thread.Attach(handler);
        TestSource pages = new(8) { HoldsBack = true, AnswersAtOnce = false };
        IActorRef source = Root.ChildActorOf(SourceActor.Props(pages, "uffd.parallel"), "source");
        PageRequest request = NewRequest();
        source.Tell(request);
        AwaitCondition(() => pages.Orders.Count == 1);
        Assert.NotEqual(0, pages.Orders[0].Buffer);
        pages.Repeats = 3;
        pages.LetGo();
        Assert.Same(request, handler.ExpectMsg<PageRequest>());
        // A fence behind the repeated answers: nothing but it comes.
        pages.HoldsBack = false;
        PageRequest fence = NewRequest();
        source.Tell(fence);
        Assert.Same(fence, handler.ExpectMsg<PageRequest>());
    }

    [Fact]
    public void SourceActor_turns_a_failure_into_an_answer_and_cancels_what_is_open_when_it_goes()
    {
        TestProbe handler = CreateTestProbe();
        Thread.Attach(handler);
        TestSource pages = new(8);
        pages.Failures[3] = 1;
        IActorRef source = Root.ChildActorOf(SourceActor.Props(pages, "uffd.parallel"), "source");
        source.Tell(NewRequest());
        _ = Assert.IsType<IOException>(handler.ExpectMsg<PageRequest>().Failure);
        _ = Watch(source);
        Sys.Stop(source);
        _ = ExpectTerminated(source);
        Assert.True(pages.Orders[0].Cancel.IsCancellationRequested);
    }
}
