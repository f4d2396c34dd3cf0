using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Statistics;
using UffdActors.Testing.Guests;
using UffdActors.Vcpus;
using UffdActors.Worlds;

namespace UffdActors.Tests.Actors;

/// <summary>The contract of the actors of owners, of the thread that calls, and of a vCPU.</summary>
public sealed class OwnerActorTests : RingActorTest
{
    [Theory]
    [InlineData(typeof(AddressSpaceActor))]
    [InlineData(typeof(VmaActor))]
    [InlineData(typeof(BackendActor))]
    [InlineData(typeof(CallerActor))]
    [InlineData(typeof(UffdContextActor))]
    public void An_owner_that_throws_reports_to_the_root_is_stopped_and_is_not_restarted(Type actor)
    {
        VmContext vm = Vm();
        IActorRef owner = Root.ChildActorOf(Props.Create(actor, vm, new ActorPort()), "owner", StopOnFailure);
        _ = Watch(owner);
        Register broken = Broken();
        owner.Tell(broken);

        VmProtocol.RingFailed failed = Root.ExpectMsg<VmProtocol.RingFailed>();
        Assert.Equal((owner, (object)broken), (failed.Actor, failed.Message));
        _ = Assert.IsType<NullReferenceException>(failed.Reason);
        _ = ExpectTerminated(owner);
    }

    [Fact]
    public void AddressSpaceActor_is_the_parent_of_its_VMAs_and_stops_one_that_fails()
    {
        IActorRef vm = Root.ChildActorOf(VmActor.Props(Vm(), new VmHealth()), "vm");
        AddressSpace mm = new(Machine);
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
        IActorRef vm = Root.ChildActorOf(VmActor.Props(Vm(), new VmHealth()), "vm");
        AddressSpace mm = new(Machine);
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
        IActorRef vm = Root.ChildActorOf(VmActor.Props(Vm(), new VmHealth()), "vm");
        AddressSpace mm = new(Machine);
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
        AddressSpace mm = new(Machine);
        Caller main = new(mm);
        ActorPort port = new();
        IActorRef caller = Root.ChildActorOf(Props.Create<CallerActor>(context, port), "thread");
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

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void VcpuActor_ends_with_its_workload_or_says_that_it_was_stopped(bool stopped)
    {
        AddressSpace mm = new(Machine);
        Caller thread = new(mm);
        VcpuProgress progress = new(new TaskCompletionSource(), observer: null);
        ActorPort port = new();
        VcpuOptions options = new(0, new ModelVcpu(thread), new Steps(), [new VcpuRegion(0, 1)], progress, new BlockedClock(1), 1, null);
        IActorRef vcpu = Root.ChildActorOf(VcpuActor.Props(Vm(), port, thread, options), "vcpu");
        _ = Watch(vcpu);
        if (!stopped) vcpu.Tell(VmProtocol.Resume.Instance);
        vcpu.Tell(PoisonPill.Instance);
        _ = ExpectTerminated(vcpu);
        Assert.Equal(!stopped, progress.Finished.Task.IsCompletedSuccessfully);
        Assert.True(progress.Finished.Task.IsCompleted);
        mm.Dispose();
    }

    private static SupervisorStrategy StopOnFailure { get; } = new OneForOneStrategy(_ => Directive.Stop);

    private static Register Broken()
    {
        using Machine machine = new(KernelProfile.Seed, ContentKind.Stamps, 1);
        return new Register(new Caller(new AddressSpace(machine)), null!, 0, 0, 0);
    }

    private void Call(Caller caller, Operation operation)
    {
        TaskCompletionSource<Operation> done = new();
        ((ActorPort)caller.Port).Self.Tell(new VmProtocol.Call(operation, done));
        AwaitCondition(() => done.Task.IsCompleted);
    }
}
