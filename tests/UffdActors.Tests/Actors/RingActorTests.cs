using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using UffdActors.Abi;
using UffdActors.Actors;
using UffdActors.Failures;
using UffdActors.Handling;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Statistics;
using UffdActors.Testing.Guests;
using UffdActors.Tests.Runtime;
using UffdActors.Vcpus;
using UffdActors.Worlds;

namespace UffdActors.Tests.Actors;

/// <summary>The contract of each actor of the ring, with probes in the place of its neighbours.</summary>
public sealed class RingActorTests : TestKit
{
    private readonly Machine _machine = new(KernelProfile.Seed, ContentKind.Bytes, 64);
    private readonly ManualTime _time = new();
    private readonly IncidentLog _incidents = new();
    private readonly TestProbe _root;
    private readonly TestProbe _context;
    private readonly TestProbe _source;
    private readonly FakeThread _thread = new();
    private readonly HandlerSlot _slot;
    private readonly FakeDescriptor _descriptor = new();
    private readonly FaultReader _reader;
    private readonly RegionPages _pages = new(8);
    private VmContext? _vm;

    public RingActorTests()
        : base(UffdSettings.Reference)
    {
        _root = CreateTestProbe("root");
        _context = CreateTestProbe("context");
        _source = CreateTestProbe("source");
        _slot = new HandlerSlot(0, _thread);
        ServedRegion region = new(0, new PageRange(100, 108), 100, ResolveBy.Copy, _pages);
        _reader = new FaultReader(
            _descriptor, [_slot], RegionView.Empty.With(region), _time,
            crashLimit: 2)
        { Outages = new Outages(new SourceTerms(new Patience(TimeSpan.FromSeconds(30), Resumes: true), _incidents)) };
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        _machine.Dispose();
    }

    [Theory]
    [InlineData(typeof(AddressSpaceActor))]
    [InlineData(typeof(VmaActor))]
    [InlineData(typeof(BackendActor))]
    [InlineData(typeof(CallerActor))]
    [InlineData(typeof(UffdContextActor))]
    public void An_owner_that_throws_reports_to_the_root_is_stopped_and_is_not_restarted(Type actor)
    {
        VmContext vm = Vm();
        IActorRef owner = _root.ChildActorOf(Props.Create(actor, vm, new ActorPort()), "owner", StopOnFailure);
        _ = Watch(owner);
        Register broken = Broken();
        owner.Tell(broken);

        VmProtocol.RingFailed failed = _root.ExpectMsg<VmProtocol.RingFailed>();
        Assert.Equal((owner, (object)broken), (failed.Actor, failed.Message));
        _ = Assert.IsType<NullReferenceException>(failed.Reason);
        _ = ExpectTerminated(owner);
    }

    [Fact]
    public void AddressSpaceActor_is_the_parent_of_its_VMAs_and_stops_one_that_fails()
    {
        IActorRef vm = _root.ChildActorOf(VmActor.Props(Vm(), new VmHealth()), "vm");
        AddressSpace mm = new(_machine);
        Caller main = new(mm);
        Attach(vm, mm, main);
        Call(main, new MapMemory(main, 0x10_0000, PageSize.Base, new MapRequest(Prot.ReadWrite, null, false)));
        IActorRef vma = ((ActorPort)mm.Map.Vmas[0].Owner.Port).Self;
        Assert.Equal(((ActorPort)mm.Port).Self.Path, vma.Path.Parent);

        _ = Watch(vma);
        vma.Tell(Broken());
        _ = ExpectTerminated(vma);
        mm.Dispose();
    }

    [Fact]
    public void VmaActor_runs_the_stage_that_is_due_and_sends_the_operation_on()
    {
        IActorRef vm = _root.ChildActorOf(VmActor.Props(Vm(), new VmHealth()), "vm");
        AddressSpace mm = new(_machine);
        Caller main = new(mm);
        Attach(vm, mm, main);
        Call(main, new MapMemory(main, 0x10_0000, PageSize.Base, new MapRequest(Prot.ReadWrite, null, false)));
        // A write fault on anonymous memory: the thread looks, the VMA makes the page, the thread touches.
        Access write = new(main);
        write.Begin(0x10_0000, AccessKind.Write, 5);
        Call(main, write);
        Assert.Equal((AccessOutcome.Ok, true), (write.Outcome, mm.EntryAt(0x100).IsPresent));
        mm.Dispose();
    }

    [Fact]
    public void CallerActor_answers_each_call_once_and_issues_no_cancelled_one()
    {
        IActorRef vm = _root.ChildActorOf(VmActor.Props(Vm(), new VmHealth()), "vm");
        AddressSpace mm = new(_machine);
        Caller main = new(mm);
        Attach(vm, mm, main);
        TaskCompletionSource<Operation> cancelled = new();
        MapMemory never = new(main, 0x20_0000, PageSize.Base, new MapRequest(Prot.ReadWrite, null, false));
        ((ActorPort)main.Port).Self.Tell(new VmProtocol.Call(never, cancelled, new CancellationToken(canceled: true)));
        Call(main, new MapMemory(main, 0x10_0000, PageSize.Base, new MapRequest(Prot.ReadWrite, null, false)));

        Assert.True(cancelled.Task.IsCanceled);
        Assert.Equal(1, mm.Map.Vmas.Length);
        mm.Dispose();
    }

    [Fact]
    public void CallerActor_tells_whoever_waits_when_it_is_stopped()
    {
        VmContext context = Vm();
        AddressSpace mm = new(_machine);
        Caller main = new(mm);
        ActorPort port = new();
        IActorRef caller = _root.ChildActorOf(Props.Create<CallerActor>(context, port), "thread");
        port.Bind(caller);
        main.Attach(port);
        // The address space never answers.
        SilentPort silent = new();
        mm.Attach(silent);
        TaskCompletionSource<Operation> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        caller.Tell(new VmProtocol.Call(new MapMemory(main, 0x10_0000, PageSize.Base, new MapRequest(Prot.ReadWrite, null, false)), done));
        AwaitCondition(() => silent.Sent == 1);
        _ = Watch(caller);
        Sys.Stop(caller);
        _ = ExpectTerminated(caller);
        _ = Assert.IsType<VmFailedException>(done.Task.Exception?.InnerException);
        mm.Dispose();
    }

    [Fact]
    public void VmActor_restarts_handlers_and_nobody_else()
    {
        VmHealth health = new();
        IActorRef vm = _root.ChildActorOf(VmActor.Props(Vm(new ThrowingProbe()), health), "vm");
        StartHandlers(vm);
        _context.ExpectMsg<VmProtocol.Serve>();
        _thread.Actor.Tell(NewRequest());
        // Crashed, restarted, and at work again.
        _ = _context.ExpectMsg<VmProtocol.HandlerCrashed>();
        _thread.Actor.Tell(NewRequest());
        _ = _context.ExpectMsg<VmProtocol.HandlerCrashed>();
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
        IActorRef vm = _root.ChildActorOf(VmActor.Props(context, health), "vm");
        StartHandlers(vm);
        _context.ExpectMsg<VmProtocol.Serve>();
        _ = Watch(_thread.Actor);
        context.Fail(_thread.Actor, new InvalidOperationException("broken"), null);
        _ = ExpectTerminated(_thread.Actor);
        Assert.Equal("broken", health.Cause?.Message);
        Assert.True(_incidents.Reader.TryRead(out Incident? incident));
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
        IActorRef vm = _root.ChildActorOf(VmActor.Props(Vm(), new VmHealth()), "vm");
        StartHandlers(vm);
        TaskCompletionSource stopped = new();
        _ = Watch(_thread.Actor);
        vm.Tell(new VmProtocol.StopChildren([_thread.Actor], stopped));
        _ = ExpectTerminated(_thread.Actor);
        AwaitCondition(() => stopped.Task.IsCompleted);
        // Once more, when they are gone already; and none at all.
        TaskCompletionSource again = new();
        TaskCompletionSource none = new();
        vm.Tell(new VmProtocol.StopChildren([_thread.Actor], again));
        vm.Tell(new VmProtocol.StopChildren([], none));
        AwaitCondition(() => again.Task.IsCompleted && none.Task.IsCompleted);
    }

    [Fact]
    public void HandlerActor_asks_the_source_and_fills_with_its_answer()
    {
        IActorRef handler = Handler();
        PageRequest request = NewRequest();
        handler.Tell(request);
        Assert.Same(request, _source.ExpectMsg<PageRequest>());
        Assert.True(request.TakeAnswer(3, 1, SourceContent.Bytes, 0x5000));
        handler.Tell(request);
        AwaitCondition(() => _thread.Fills.Count == 1);
        Assert.Equal((FillKind.Copy, 103ul << 12, 4096ul, FillSource.Buffer(0x5000)), _thread.Fills[0]);
    }

    [Theory]
    [InlineData(Errno.EEXIST)]
    [InlineData(Errno.ENOENT)]
    public void HandlerActor_gives_a_page_that_is_there_or_gone_back_to_the_context(Errno error)
    {
        _thread.Error = error;
        PageRequest request = Answered();
        Handler().Tell(request);
        Assert.Same(request, _context.ExpectMsg<PageRequest>());
        Assert.Equal((RequestPhase.Dismissed, error), (request.Phase, request.Error));
    }

    [Fact]
    public void HandlerActor_waits_with_a_timer_when_the_map_is_changing()
    {
        _thread.Error = Errno.EAGAIN;
        PageRequest request = Answered();
        IActorRef handler = Handler();
        handler.Tell(request);
        AwaitCondition(() => _time.Messages.Count == 1);
        Assert.Equal((handler, (object)new RetryRequest(request)), _time.Messages[0]);
        Assert.Equal(RequestPhase.Deferred, request.Phase);
    }

    [Fact]
    public void HandlerActor_pauses_what_was_refused_and_says_so()
    {
        _thread.Error = Errno.EINVAL;
        PageRequest request = Answered();
        Handler().Tell(request);
        AwaitCondition(() => _incidents.Reader.TryPeek(out _));
        Assert.True(_incidents.Reader.TryRead(out Incident? incident));
        Assert.Equal((IncidentKind.FillRefused, RequestPhase.Paused), (incident!.Kind, request.Phase));
    }

    [Fact]
    public void HandlerActor_returns_what_an_earlier_incarnation_was_asked()
    {
        PageRequest request = NewRequest();
        _slot.NextIncarnation();
        Handler().Tell(request);
        Assert.Same(request, _context.ExpectMsg<PageRequest>());
        Assert.Equal(RequestPhase.Dismissed, request.Phase);
    }

    [Fact]
    public void HandlerActor_says_before_its_restart_what_it_was_at_work_on()
    {
        VmContext vm = Vm(new ThrowingProbe());
        IActorRef handler = Handler(vm);
        PageRequest request = NewRequest();
        handler.Tell(request);
        VmProtocol.HandlerCrashed crashed = _context.ExpectMsg<VmProtocol.HandlerCrashed>();
        Assert.Equal((0, request), (crashed.Handler, crashed.During));
    }

    [Fact]
    public void UffdContextActor_says_of_each_fork_that_the_child_waits()
    {
        IActorRef context = _root.ChildActorOf(Props.Create<UffdContextActor>(Vm(), new ActorPort()), "context");
        for (int child = 7; child < 9; child++) _descriptor.Messages.Enqueue(UffdMsg.Fork((uint)child));
        context.Tell(new VmProtocol.Serve(_reader));
        for (int child = 7; child < 9; child++)
        {
            AwaitCondition(() => _incidents.Reader.TryPeek(out _));
            Assert.True(_incidents.Reader.TryRead(out Incident? incident));
            Assert.Equal(IncidentKind.ForkedChild, incident!.Kind);
        }
    }

    [Fact]
    public void UffdContextActor_reads_nothing_until_it_serves_and_then_after_every_turn()
    {
        TestProbe handler = CreateTestProbe();
        _thread.Attach(handler);
        IActorRef context = _root.ChildActorOf(Props.Create<UffdContextActor>(Vm(), new ActorPort()), "context");
        _descriptor.Messages.Enqueue(UffdMsg.Pagefault(FaultFlags.None, 103ul << 12, 0));
        context.Tell(VmProtocol.Recover.Instance);
        context.Tell(new VmProtocol.Serve(_reader));
        PageRequest request = handler.ExpectMsg<PageRequest>();
        Assert.Equal((3L, RequestPhase.New), (request.Page, request.Phase));

        // Faults of the page that come meanwhile meet in the same request; a dismissed one wakes its threads.
        _descriptor.Messages.Enqueue(UffdMsg.Pagefault(FaultFlags.Write, 103ul << 12, 0));
        _descriptor.Messages.Enqueue(UffdMsg.Pagefault(FaultFlags.None, 104ul << 12, 0));
        context.Tell(VmProtocol.Recover.Instance);
        Assert.Equal(4, handler.ExpectMsg<PageRequest>().Page);
        Assert.Equal(2, request.Waiters);
        request.Phase = RequestPhase.Dismissed;
        context.Tell(request);
        AwaitCondition(() => _descriptor.Woken.Contains(103ul << 12));
    }

    [Fact]
    public void UffdContextActor_hands_faults_on_after_it_has_applied_the_events_behind_them()
    {
        TestProbe handler = CreateTestProbe();
        _thread.Attach(handler);
        IActorRef context = _root.ChildActorOf(Props.Create<UffdContextActor>(Vm(), new ActorPort()), "context");
        _descriptor.Messages.Enqueue(UffdMsg.Pagefault(FaultFlags.None, 103ul << 12, 0));
        _descriptor.Messages.Enqueue(UffdMsg.Remove(103ul << 12, 104ul << 12));
        context.Tell(new VmProtocol.Serve(_reader));
        _ = handler.ExpectMsg<PageRequest>();
        // When the request arrives, the event that was read after it is known already.
        Assert.True(_reader.View.IsRemoved(103));
    }

    [Fact]
    public void UffdContextActor_wakes_the_pages_of_a_crashed_handler_and_leaves_a_deadly_one_alone()
    {
        TestProbe handler = CreateTestProbe();
        _thread.Attach(handler);
        IActorRef context = _root.ChildActorOf(Props.Create<UffdContextActor>(Vm(), new ActorPort()), "context");
        context.Tell(new VmProtocol.Serve(_reader));
        for (int crash = 0; crash < 2; crash++)
        {
            _descriptor.Messages.Enqueue(UffdMsg.Pagefault(FaultFlags.None, 103ul << 12, 0));
            context.Tell(new VmProtocol.Serve(_reader));
            context.Tell(new VmProtocol.HandlerCrashed(0, handler.ExpectMsg<PageRequest>()));
        }

        AwaitCondition(() => _incidents.Reader.TryPeek(out _));
        Assert.True(_incidents.Reader.TryRead(out Incident? incident));
        Assert.Equal(IncidentKind.PageQuarantined, incident!.Kind);
        Assert.Equal((2, 2), (_descriptor.Woken.Count, _slot.Incarnation));
    }

    [Fact]
    public void SourceActor_gives_each_answer_to_the_handler_that_asked_once()
    {
        TestProbe handler = CreateTestProbe();
        _thread.Attach(handler);
        TestSource pages = new(8) { HoldsBack = true, AnswersAtOnce = false };
        IActorRef source = _root.ChildActorOf(SourceActor.Props(pages, "uffd.parallel"), "source");
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
        _thread.Attach(handler);
        TestSource pages = new(8);
        pages.Failures[3] = 1;
        IActorRef source = _root.ChildActorOf(SourceActor.Props(pages, "uffd.parallel"), "source");
        source.Tell(NewRequest());
        _ = Assert.IsType<IOException>(handler.ExpectMsg<PageRequest>().Failure);
        _ = Watch(source);
        Sys.Stop(source);
        _ = ExpectTerminated(source);
        Assert.True(pages.Orders[0].Cancel.IsCancellationRequested);
    }

    [Fact]
    public void PushActor_has_one_chunk_in_flight_lets_demands_go_first_and_passes_over_what_is_there()
    {
        _ = _pages.Received.Set(2);
        PushProgress progress = new(new TaskCompletionSource());
        IActorRef push =
            _root.ChildActorOf(PushActor.Props(Vm(), new PushOptions(_reader, _context, _thread, _source, 0, _pages, progress, 4)), "push");
        _thread.Attach(push);
        push.Tell(VmProtocol.Resume.Instance);
        _context.ExpectMsg<PushGate>().Open();
        PushOrder order = _source.ExpectMsg<PushOrder>();
        Assert.Equal((0L, 2), (order.FirstPage, order.Pages));
        Assert.True(order.TakeAnswer(0, 2, SourceContent.Zero, 0));
        push.Tell(order);
        // Only now the next: behind the page that a demand has brought, and when the context lets it.
        _context.ExpectMsg<PushGate>().Open();
        order = _source.ExpectMsg<PushOrder>();
        Assert.Equal((3L, 4), (order.FirstPage, order.Pages));
        Assert.Equal([(FillKind.ZeroPage, 100ul << 12, 8192ul, FillSource.Zero)], _thread.Fills);
        Assert.Equal(2, progress.ZeroPages);
    }

    [Fact]
    public void PushActor_that_is_held_asks_for_nothing_although_demands_have_let_it_go_on()
    {
        PushProgress progress = new(new TaskCompletionSource());
        IActorRef push =
            _root.ChildActorOf(PushActor.Props(Vm(), new PushOptions(_reader, _context, _thread, _source, 0, _pages, progress, 4)), "push");
        _thread.Attach(push);
        push.Tell(VmProtocol.Resume.Instance);
        PushGate gate = _context.ExpectMsg<PushGate>();
        push.Tell(new VmProtocol.HoldPush(true));
        gate.Open();
        // Behind the gate in its mailbox.
        push.Tell(new Identify(1), _context);
        _ = _context.ExpectMsg<ActorIdentity>();
        Assert.False(_source.HasMessages);

        push.Tell(new VmProtocol.HoldPush(false));
        _context.ExpectMsg<PushGate>().Open();
        Assert.Equal((0L, 4), _source.ExpectMsg<PushOrder>() is var order ? (order.FirstPage, order.Pages) : default);
    }

    [Fact]
    public void UffdContextActor_asks_the_kernel_for_faults_that_nobody_announced_before_a_chunk_begins()
    {
        UnpolledDescriptor descriptor = new();
        TestProbe handler = CreateTestProbe("handler");
        _thread.Attach(handler);
        ServedRegion region = new(0, new PageRange(100, 108), 100, ResolveBy.Copy, _pages);
        FaultReader reader = new(descriptor, [_slot], RegionView.Empty.With(region), _time, crashLimit: 2);
        IActorRef context = _root.ChildActorOf(UffdContextActor.Props(Vm(), descriptor), "asked");
        context.Tell(new VmProtocol.Serve(reader));
        descriptor.Unpolled.Enqueue(UffdMsg.Pagefault(FaultFlags.None, 101ul << PageSize.BaseShift, 0));

        PushGate gate = new(_source);
        context.Tell(gate);
        PageRequest demand = handler.ExpectMsg<PageRequest>();
        context.Tell(new Identify(1), handler);
        _ = handler.ExpectMsg<ActorIdentity>();
        Assert.False(_source.HasMessages);

        context.Tell(demand);
        Assert.Same(gate, _source.ExpectMsg<PushGate>());
    }

    [Fact]
    public void PushActor_tells_whoever_waits_when_it_is_stopped()
    {
        PushProgress progress = new(new TaskCompletionSource());
        IActorRef push =
            _root.ChildActorOf(PushActor.Props(Vm(), new PushOptions(_reader, _context, _thread, _source, 0, _pages, progress, 4)), "push");
        _ = Watch(push);
        Sys.Stop(push);
        _ = ExpectTerminated(push);
        _ = Assert.IsType<VmFailedException>(progress.Finished.Task.Exception?.InnerException);
        Assert.True(_thread.HasExited);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void VcpuActor_ends_with_its_workload_or_says_that_it_was_stopped(bool stopped)
    {
        AddressSpace mm = new(_machine);
        Caller thread = new(mm);
        VcpuProgress progress = new(new TaskCompletionSource(), observer: null);
        ActorPort port = new();
        VcpuOptions options = new(0, new ModelVcpu(thread), new Steps(), [new VcpuRegion(0, 1)], progress, new BlockedClock(1), 1, null);
        IActorRef vcpu = _root.ChildActorOf(VcpuActor.Props(Vm(), port, thread, options), "vcpu");
        _ = Watch(vcpu);
        if (!stopped) vcpu.Tell(VmProtocol.Resume.Instance);
        vcpu.Tell(PoisonPill.Instance);
        _ = ExpectTerminated(vcpu);
        Assert.Equal(!stopped, progress.Finished.Task.IsCompletedSuccessfully);
        Assert.True(progress.Finished.Task.IsCompleted);
        mm.Dispose();
    }

    private static SupervisorStrategy RestartOnFailure { get; } = new OneForOneStrategy(_ => Directive.Restart);

    private static SupervisorStrategy StopOnFailure { get; } = new OneForOneStrategy(_ => Directive.Stop);

    private static Register Broken()
    {
        using Machine machine = new(KernelProfile.Seed, ContentKind.Stamps, 1);
        return new Register(new Caller(new AddressSpace(machine)), null!, 0, 0, 0);
    }

    private VmContext Vm(IHandlerProbe? probe = null) =>
        _vm ??= new VmContext("vm", "uffd.parallel", _time, _incidents) { Probe = probe, Root = _root };

    private IActorRef Handler(VmContext? vm = null)
    {
        IActorRef handler = _root.ChildActorOf(
            HandlerActor.Props(vm ?? Vm(), new HandlerOptions(_slot, _reader, _context, new TestSource(8), _source)), "handler",
            RestartOnFailure);
        _thread.Attach(handler);
        return handler;
    }

    private void StartHandlers(IActorRef vm)
    {
        TaskCompletionSource started = new();
        HandlerOptions options = new(_slot, _reader, _context, new TestSource(8), _source);
        vm.Tell(new VmProtocol.StartHandlers(_reader, _context, [options], VmProtocol.HandlerName, started));
        AwaitCondition(() => started.Task.IsCompleted);
    }

    private void Attach(IActorRef vm, params Owner[] owners)
    {
        TaskCompletionSource done = new();
        vm.Tell(new VmProtocol.Attach(owners, done));
        AwaitCondition(() => done.Task.IsCompleted);
    }

    private void Call(Caller caller, Operation operation)
    {
        TaskCompletionSource<Operation> done = new();
        ((ActorPort)caller.Port).Self.Tell(new VmProtocol.Call(operation, done));
        AwaitCondition(() => done.Task.IsCompleted);
    }

    private PageRequest NewRequest() => new(_reader, _slot, _time)
    {
        Phase = RequestPhase.New,
        Incarnation = _slot.Incarnation,
        Address = 103ul << 12,
        Page = 3,
        Region = _reader.View.Regions[0],
    };

    private PageRequest Answered()
    {
        PageRequest request = NewRequest();
        request.Phase = RequestPhase.Fetching;
        Assert.True(request.TakeAnswer(3, 1, SourceContent.Bytes, 0x5000));
        return request;
    }

    private sealed class ThrowingProbe : IHandlerProbe
    {
        public void At(HandlerPoint point, int handler, PageRequest request) => throw new InvalidOperationException("crash");
    }
}
