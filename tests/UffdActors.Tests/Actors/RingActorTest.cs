using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using UffdActors.Actors;
using UffdActors.Failures;
using UffdActors.Handling;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Turns;

namespace UffdActors.Tests.Actors;

/// <summary>An actor of the ring, with probes in the place of its neighbours.</summary>
public abstract class RingActorTest : TestKit
{
    private protected readonly Machine Machine = new(KernelProfile.Seed, ContentKind.Bytes, 64);
    private protected readonly ManualTime Time = new();
    private protected readonly IncidentLog Incidents = new();
    private protected readonly TestProbe Root;
    private protected readonly TestProbe Context;
    private protected readonly TestProbe Source;
    private protected readonly FakeThread Thread = new();
    private protected readonly HandlerSlot Slot;
    private protected readonly FakeDescriptor Descriptor = new();
    private protected readonly FaultReader Reader;
    private protected readonly RegionPages Pages = new(8);
    private VmContext? _vm;

    protected RingActorTest()
        : base(UffdSettings.Reference)
    {
        Root = CreateTestProbe("root");
        Context = CreateTestProbe("context");
        Source = CreateTestProbe("source");
        Slot = new HandlerSlot(0, Thread);
        ServedRegion region = new(0, new PageRange(100, 108), 100, ResolveBy.Copy, Pages);
        Reader = new FaultReader(
            Descriptor, [Slot], RegionView.Empty.With(region), Time,
            crashLimit: 2)
        { Outages = new Outages(new SourceTerms(new Patience(TimeSpan.FromSeconds(30), Resumes: true), Incidents)) };
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        Machine.Dispose();
    }

    private protected VmContext Vm(IHandlerProbe? probe = null) =>
        _vm ??= new VmContext("vm", "uffd.parallel", Time, Incidents) { Probe = probe, Root = Root };

    private protected void Attach(IActorRef vm, params Owner[] owners)
    {
        TaskCompletionSource done = new();
        vm.Tell(new VmProtocol.Attach(owners, done));
        AwaitCondition(() => done.Task.IsCompleted);
    }

    private protected PageRequest NewRequest() => new(Reader, Slot, Time)
    {
        Phase = RequestPhase.New,
        Incarnation = Slot.Incarnation,
        Address = 103ul << 12,
        Page = 3,
        Region = Reader.View.Regions[0],
    };

    private protected sealed class ThrowingProbe : IHandlerProbe
    {
        public void At(HandlerPoint point, int handler, PageRequest request) => throw new InvalidOperationException("crash");
    }
}
