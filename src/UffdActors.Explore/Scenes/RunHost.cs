using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Dispatch.Stepping;
using UffdActors.Explore.Choices;
using UffdActors.Explore.Faults;
using UffdActors.Explore.Scenarios;
using UffdActors.Failures;
using UffdActors.Handling;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Explore.Scenes;

/// <summary>
/// What the runs of one scenario have in common: an actor system's root, a machine, and a pool of actors. Runs are made one after the
/// other; each leaves the machine's memory empty and the actors idle. After a violation the host is thrown away.
/// </summary>
/// <remarks>For the thread that made its system.</remarks>
internal sealed class RunHost : IDisposable
{
    private const string Dispatcher = "uffd.stepped";

    private readonly SteppedSystem _system;
    private readonly VmHealth _health = new(TaskCreationOptions.None);
    private readonly IActorRef _root;
    private readonly CrashProbe? _probe;

    public RunHost(SteppedSystem system, Scenario scenario, RunParts parts)
    {
        _system = system;
        Scenario = scenario;
        Parts = parts;
        Layout = scenario.Layout;
        Machine = NewMachine();
        ReferenceMachine = NewMachine();
        Scratch = new NativeBuffer(Layout.PageBytes);
        Content = new PageContent(scenario);
        Origins = new PageOrigins(scenario, Content);
        Choices = new ChoiceStream();
        Faults = new FaultPlan(Choices);
        Modules = RunModules.Shipped;
        if (scenario.Faults.Any(f => f is FaultPoint.ModuleFail or FaultPoint.ModuleNoMemory))
            Modules = new RunModules(new FaultyModule(Modules.Shmem, Faults), new FaultyModule(Modules.GuestMemfd, Faults));
        Order = new RecordedOrder(Choices);
        Pool = new ActorPool((port, owner) => Given?.Invoke(port, owner));
        system.Loop.Policy = new FifoPolicy();
        system.Loop.Rewind();
        _probe = scenario.Faults.IsEmpty ? null : new CrashProbe(this);
        Vm = new VmContext(system.NextName(), Dispatcher, parts.NewTime(system.Loop), new IncidentLog())
        {
            SplitsTurns = true,
            Pool = Pool,
            Probe = _probe,
            Finished = operation => Finished?.Invoke(operation),
        };
        _root = system.System.ActorOf(VmActor.Props(Vm, _health), Vm.Name);
        Wire = system.System.ActorOf(WireActor.Props(Loop, Faults, Dispatcher), $"{Vm.Name}-wire");
        Loop.RunUntilQuiet();
        Stock();
    }

    public Scenario Scenario { get; }

    public RunParts Parts { get; }

    public RegionLayout Layout { get; }

    /// <summary>Store of the run's pages.</summary>
    public FolioStore Folios => Machine.StoreOf(Layout.PageShift);

    /// <summary>Store of the sequential kernel's pages.</summary>
    public FolioStore ReferenceFolios => ReferenceMachine.StoreOf(Layout.PageShift);

    public Machine Machine { get; }

    /// <summary>The machine of the sequential kernel that the run is compared with.</summary>
    public Machine ReferenceMachine { get; }

    public RunModules Modules { get; }

    /// <summary>Native memory of one page, for use within one call.</summary>
    public NativeBuffer Scratch { get; }

    public PageContent Content { get; }

    /// <summary>Which pages share a history, and what each holds first.</summary>
    public PageOrigins Origins { get; }

    public ChoiceStream Choices { get; }

    public FaultPlan Faults { get; }

    public RecordedOrder Order { get; }

    public MessageNames Names { get; } = new();

    public Coverage Coverage { get; } = new();

    public ActorPool Pool { get; }

    public VmContext Vm { get; }

    public IActorRef Wire { get; }

    public SteppedLoop Loop => _system.Loop;

    /// <summary>The exception that closed the VM; null if none did.</summary>
    public Exception? Failure => _health.Cause;

    /// <summary>Called when an owner gets its actor.</summary>
    public Action<ActorPort, Owner>? Given { get; set; }

    /// <summary>Called when a call of a thread has ended.</summary>
    public Action<Operation>? Finished { get; set; }

    /// <summary>Called where a handler may crash.</summary>
    public Action<HandlerPoint, PageRequest>? HandlerAt { get; set; }

    /// <summary>Called when a handler makes a call that is no fill, before its first turn.</summary>
    public Action<IMonitorCall>? CallBegun { get; set; }

    /// <summary>Called when a handler or a push has written through an alias: address, bytes, length.</summary>
    public Action<ulong, nint, int>? AliasWritten { get; set; }

    /// <summary>Called for an order of the push of which another resolver fills a part.</summary>
    public Action<PageOrder>? Overtaken { get; set; }

    /// <summary>Numbers what is started in this host.</summary>
    public int NextNumber() => _started++;

    private int _started;

    /// <inheritdoc />
    public void Dispose()
    {
        Loop.Policy = new FifoPolicy();
        _system.System.Stop(_root);
        _system.System.Stop(Wire);
        Loop.RunUntilQuiet();
        Loop.Rewind();
        Content.Dispose();
        Machine.Dispose();
        ReferenceMachine.Dispose();
        Scratch.Dispose();
    }

    private Machine NewMachine() => Layout.PageShift == PageSize.BaseShift
        ? new Machine(Scenario.Kernel, ContentKind.Bytes, Scenario.MemoryPages)
        : new Machine(Scenario.Kernel, ContentKind.Bytes, basePages: 1, hugePages: Scenario.MemoryPages);

    /// <summary>Makes as many actors as most runs need.</summary>
    private void Stock()
    {
        AddressSpace mm = new(Machine);
        List<Owner> owners = [mm, new AddressSpace(Machine)];
        int threads = Scenario.Threads.Length + 1 + (Scenario.Has(ActionKind.ReadChild) ? 1 : 0)
            + Scenario.Contexts.Sum(c => c.Push ? 1 : 0);
        for (int i = 0; i < threads; i++) owners.Add(new Caller(mm));
        for (int i = 0; i < Scenario.Contexts.Length * 2; i++) owners.Add(new UserfaultContext(mm, Abi.UffdOpenFlags.NonBlock));
        int vmas = Scenario.Regions.Length * 4;
        for (int i = 0; i < vmas; i++) owners.Add(new VmaOwner(mm, i));
        owners.Add(new Backend(Modules.Shmem));
        owners.Add(new Backend(Modules.GuestMemfd));
        if (Layout.PageShift != PageSize.BaseShift) owners.Add(new Backend(Modules.Hugetlb));
        _root.Tell(new VmProtocol.Attach(owners, new TaskCompletionSource()));
        Loop.RunUntilQuiet();
        Pool.Reclaim();
        foreach (Owner owner in owners) (owner as IDisposable)?.Dispose();
    }

    /// <summary>Crashes handlers, and injects competing fills and changes, where the run's faults say so.</summary>
    private sealed class CrashProbe(RunHost host) : IHandlerProbe
    {
        public void At(HandlerPoint point, int handler, PageRequest request) => host.HandlerAt?.Invoke(point, request);
    }
}
