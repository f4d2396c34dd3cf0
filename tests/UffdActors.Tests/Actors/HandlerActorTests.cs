using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Handling;
using UffdActors.Model.Memory;
using UffdActors.Tests.Runtime;

namespace UffdActors.Tests.Actors;

/// <summary>The contract of the actor of a handler.</summary>
public sealed class HandlerActorTests : RingActorTest
{
    [Fact]
    public void HandlerActor_asks_the_source_and_fills_with_its_answer()
    {
        IActorRef handler = Handler();
        PageRequest request = NewRequest();
        handler.Tell(request);
        Assert.Same(request, Source.ExpectMsg<PageRequest>());
        Assert.True(request.TakeAnswer(3, 1, SourceContent.Bytes, 0x5000));
        handler.Tell(request);
        AwaitCondition(() => Thread.Fills.Count == 1);
        Assert.Equal((FillKind.Copy, 103ul << 12, 4096ul, FillSource.Buffer(0x5000)), Thread.Fills[0]);
    }

    [Theory]
    [InlineData(Errno.EEXIST)]
    [InlineData(Errno.ENOENT)]
    public void HandlerActor_gives_a_page_that_is_there_or_gone_back_to_the_context(Errno error)
    {
        Thread.Error = error;
        PageRequest request = Answered();
        Handler().Tell(request);
        Assert.Same(request, Context.ExpectMsg<PageRequest>());
        Assert.Equal((RequestPhase.Dismissed, error), (request.Phase, request.Error));
    }

    [Fact]
    public void HandlerActor_waits_with_a_timer_when_the_map_is_changing()
    {
        Thread.Error = Errno.EAGAIN;
        PageRequest request = Answered();
        IActorRef handler = Handler();
        handler.Tell(request);
        AwaitCondition(() => Time.Messages.Count == 1);
        Assert.Equal((handler, (object)new RetryRequest(request)), Time.Messages[0]);
        Assert.Equal(RequestPhase.Deferred, request.Phase);
    }

    [Fact]
    public void HandlerActor_pauses_what_was_refused_and_says_so()
    {
        Thread.Error = Errno.EINVAL;
        PageRequest request = Answered();
        Handler().Tell(request);
        AwaitCondition(() => Incidents.Reader.TryPeek(out _));
        Assert.True(Incidents.Reader.TryRead(out Incident? incident));
        Assert.Equal((IncidentKind.FillRefused, RequestPhase.Paused), (incident!.Kind, request.Phase));
    }

    [Fact]
    public void HandlerActor_says_of_a_call_that_is_denied_what_may_deny_it()
    {
        Thread.Error = Errno.EPERM;
        Handler().Tell(Answered());
        AwaitCondition(() => Incidents.Reader.TryPeek(out _));
        Assert.True(Incidents.Reader.TryRead(out Incident? incident));
        Assert.Equal(IncidentKind.FillRefused, incident!.Kind);
        Assert.Contains("was refused with EPERM (a seccomp filter or a security module (LSM)", incident.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void HandlerActor_returns_what_an_earlier_incarnation_was_asked()
    {
        PageRequest request = NewRequest();
        Slot.NextIncarnation();
        Handler().Tell(request);
        Assert.Same(request, Context.ExpectMsg<PageRequest>());
        Assert.Equal(RequestPhase.Dismissed, request.Phase);
    }

    [Fact]
    public void HandlerActor_says_before_its_restart_what_it_was_at_work_on()
    {
        VmContext vm = Vm(new ThrowingProbe());
        IActorRef handler = Handler(vm);
        PageRequest request = NewRequest();
        handler.Tell(request);
        VmProtocol.HandlerCrashed crashed = Context.ExpectMsg<VmProtocol.HandlerCrashed>();
        Assert.Equal((0, request), (crashed.Handler, crashed.During));
    }

    private static SupervisorStrategy RestartOnFailure { get; } = new OneForOneStrategy(_ => Directive.Restart);

    private IActorRef Handler(VmContext? vm = null)
    {
        IActorRef handler = Root.ChildActorOf(
            HandlerActor.Props(vm ?? Vm(), new HandlerOptions(Slot, Reader, Context, new TestSource(8), Source)), "handler",
            RestartOnFailure);
        Thread.Attach(handler);
        return handler;
    }

    private PageRequest Answered()
    {
        PageRequest request = NewRequest();
        request.Phase = RequestPhase.Fetching;
        Assert.True(request.TakeAnswer(3, 1, SourceContent.Bytes, 0x5000));
        return request;
    }
}
