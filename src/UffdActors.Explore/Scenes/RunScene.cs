using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Explore.Scenarios;
using UffdActors.Handling;
using UffdActors.Model;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Maps;
using UffdActors.Model.Operations.Userfaultfd;
using UffdActors.Model.Turns;
using UffdActors.Model.Userfault;

namespace UffdActors.Explore.Scenes;

/// <summary>
/// The owners of one run: address space, threads, files, contexts; what serves these is <see cref="Service"/>. Set up in one
/// fixed order without a step, then given to actors.
/// </summary>
internal sealed class RunScene
{
    private const int ChildThread = 60;

    private readonly RunHost _host;
    private readonly SequentialKernel _setup;
    private readonly Machine _machine;
    private readonly RunParts _parts;
    private readonly RunModules _modules;
    private readonly List<IActorRef> _started = [];
    private readonly List<string> _names = [];

    public RunScene(RunHost host)
        : this(host, host.Machine, host.Parts, host.Modules, new SequentialKernel())
    {
    }

    /// <param name="host">What the runs of the scenario have in common.</param>
    /// <param name="machine">Where its memory comes from.</param>
    /// <param name="parts">Makes its parts.</param>
    /// <param name="modules">Modules of its files.</param>
    /// <param name="kernel">Makes the calls of the set-up.</param>
    public RunScene(RunHost host, Machine machine, RunParts parts, RunModules modules, SequentialKernel kernel)
    {
        _host = host;
        _setup = kernel;
        _machine = machine;
        _parts = parts;
        _modules = modules;
        Scenario scenario = host.Scenario;
        Layout = host.Layout;
        Places = [.. scenario.Regions.SelectMany((r, i) => Enumerable.Range(0, r.Pages).Select(p => (i, p)))];
        Mm = _setup.Attach(parts.NewAddressSpace(machine));
        Main = _setup.Attach(new Caller(Mm, 1));
        Threads = [.. scenario.Threads.Select((_, i) => _setup.Attach(new Caller(Mm, 2 + i)))];
        Files = [.. scenario.Regions.Select(MakeFile)];
        for (int i = 0; i < scenario.Regions.Length; i++) Map(i);
        Contexts = [.. scenario.Contexts.Select((_, i) => _setup.Attach(parts.NewContext(Mm, i)))];
        for (int i = 0; i < Contexts.Length; i++) Register(i);
        Service = new ContextService(host, this);
    }

    /// <summary>Where the regions lie.</summary>
    public RegionLayout Layout { get; }

    public AddressSpace Mm { get; }

    public Caller Main { get; }

    public Caller[] Threads { get; }

    public MemoryFile?[] Files { get; }

    public UserfaultContext[] Contexts { get; }

    /// <summary>What serves the contexts.</summary>
    public ContextService Service { get; }

    /// <summary>Names of the actors, by label.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>The pages of all regions, one after the other: region, and page in it.</summary>
    public (int Region, int Page)[] Places { get; }

    /// <summary>Pages of all regions.</summary>
    public int PageCount => Places.Length;

    /// <summary>Page of the address space, by its number among those of all regions.</summary>
    public long PageOf(int index) => PageSize.PageOf(Layout.AddressOf(Places[index].Region, Places[index].Page));

    /// <summary>Number of a region's page, as readers and bitmaps count: in base pages.</summary>
    public int BasePageOf(int page) => page * Layout.UnitPages;

    /// <summary>Entry of a page, by its number among those of all regions.</summary>
    public Entry EntryOf(int index) => Mm.EntryAt(PageOf(index));

    /// <summary>The mapping that a page is in; null if nothing is mapped there.</summary>
    public Vma? VmaOf(int index) => Mm.Map.Find(PageOf(index));

    /// <summary>Eight bytes of the page that an entry maps; 0 if it maps none.</summary>
    public ulong ContentOf(Entry entry, int offset) =>
        entry.Kind is EntryKind.Anon or EntryKind.File ? _host.Folios.ReadLane(entry.Folio, offset) : 0;

    /// <summary>
    /// The first eight bytes of a page, mapped or only in the cache, as an embedder's reader finds them; null if it is absent.
    /// </summary>
    public ulong? WordAt(int index)
    {
        Entry entry = EntryOf(index);
        if (entry.Kind == EntryKind.Zero) return 0;
        bool isMapped = entry.Kind is EntryKind.Anon or EntryKind.File;
        if (isMapped) return _host.Folios.ReadLane(entry.Folio, 0);
        return Files[Places[index].Region]?.SlotAt(Places[index].Page) is { IsPresent: true } slot
            ? _host.Folios.ReadLane(slot.Folio, 0)
            : null;
    }

    /// <summary>What such a reader sees of a page: its entry and its content.</summary>
    public PageLook LookAt(int index)
    {
        Entry entry = EntryOf(index);
        ulong? word = WordAt(index);
        SeenContent content = word is null ? SeenContent.None : word == 0 ? SeenContent.Zeros : SeenContent.Bytes;
        return new PageLook(entry.IsPresent, entry.IsWp || entry.Kind == EntryKind.WpMarker, content);
    }

    /// <summary>Name of a page: region and number.</summary>
    public string NameOf(int index) => $"{_host.Scenario.Regions[Places[index].Region].Name}:{Places[index].Page}";

    /// <summary>Name of the page of an address.</summary>
    public string NameOf(ulong address)
    {
        (int region, int page) = RegionLayout.PlaceOf(address);
        return region >= 0 && region < _host.Scenario.Regions.Length ? $"{_host.Scenario.Regions[region].Name}:{page}" : $"0x{address:x}";
    }

    /// <summary>Runs a call of the set-up to its end.</summary>
    public T Do<T>(T call)
        where T : Operation => _setup.Run(call);

    /// <summary>
    /// Gives every owner its actor and starts readers, handlers and sources; from here on only the loop's steps change state.
    /// </summary>
    public void Start()
    {
        _host.Given = OnGiven;
        Bind(Mm);
        Bind(Main);
        foreach (Caller thread in Threads) Bind(thread);
        foreach (UserfaultContext context in Contexts) Bind(context);
        HashSet<Owner> bound = [];
        foreach (Vma vma in Mm.Map.Vmas)
        {
            if (bound.Add(vma.Owner)) Bind(vma.Owner);
            if (vma.Backend is { } backend && bound.Add(backend)) Bind(backend);
        }

        foreach (VmaOwner spare in Mm.SpareOwners) Bind(spare);
        Service.Start();
        _host.Loop.RunUntilQuiet();
    }

    /// <summary>Stops the actors that were started for the run and frees all memory.</summary>
    public void End(IEnumerable<AddressSpace> children)
    {
        foreach (IActorRef actor in _started) _host.Vm.Root.Tell(new VmProtocol.StopChildren([actor], new TaskCompletionSource()));
        _host.Loop.RunUntilQuiet();
        Mm.Dispose();
        foreach (AddressSpace child in children) child.Dispose();
        foreach (MemoryFile? file in Files) file?.Dispose();
    }

    private void Map(int region)
    {
        RegionPlan plan = _host.Scenario.Regions[region];
        if (plan.Memory == MemoryKind.Nothing) return;
        bool shared = plan.Memory is MemoryKind.Shmem or MemoryKind.GuestMemfd or MemoryKind.Hugetlb;
        MapRequest request = new(Prot.ReadWrite, Files[region], shared);
        ulong length = (ulong)plan.Pages << Layout.PageShift;
        Expect(Do(new MapMemory(Main, Layout.AddressOf(region, 0), length, request)).Error, $"mapping {plan.Name}");
        if (!plan.Alias) return;
        Expect(Do(new MapMemory(Main, Layout.AliasOf(region, 0), length, request)).Error, plan.Name);
        Expect(Do(new PopulateMemory(Main, PageRange.OfBytes(Layout.AliasOf(region, 0), length))).Error, plan.Name);
    }

    private MemoryFile? MakeFile(RegionPlan region) => region.Memory switch
    {
        MemoryKind.Shmem or MemoryKind.ShmemPrivate => _modules.Shmem.CreateFile(_machine, (long)region.Pages << Layout.PageShift),
        MemoryKind.GuestMemfd => _modules.GuestMemfd.CreateFile(_machine, (long)region.Pages << Layout.PageShift),
        MemoryKind.Hugetlb => _modules.Hugetlb.CreateFile(_machine, (long)region.Pages << Layout.PageShift),
        _ => null,
    };

    private void Register(int number)
    {
        ContextPlan plan = _host.Scenario.Contexts[number];
        Contexts[number].Initialize(plan.Features);
        foreach (Registered registered in plan.Registered)
        {
            RegionPlan region = _host.Scenario.Regions[registered.Region];
            Register register = new(
                Main, Contexts[number], Layout.AddressOf(registered.Region, 0), (ulong)region.Pages << Layout.PageShift,
                (ulong)registered.Modes);
            Expect(Do(register).Error, $"registering {region.Name} with {plan.Name}");
        }
    }

    /// <summary>A thread of a child of the process.</summary>
    public Caller NewChild(AddressSpace child)
    {
        Caller thread = new(child, ChildThread);
        Bind(thread);
        return thread;
    }

    /// <summary>
    /// The process has ended: its threads are removed from the queues, and no call waits for the reader of its event (SEMANTICS 6.5.4).
    /// </summary>
    /// <returns>True if such a call continues to its end.</returns>
    public bool Reap()
    {
        bool goesOn = false;
        foreach (UserfaultContext context in Contexts)
        {
            foreach (Access access in context.Waiters().ToArray()) Withdraw(access);
            goesOn |= context.UnreadEvents > 0;
            context.DropEvents();
        }

        return goesOn;
    }

    /// <summary>Removes a sleeping access from its queue; it does not continue.</summary>
    public void Withdraw(Access access)
    {
        HasReapedCalls |= access.Parent is not null;
        access.Context!.Withdraw(access);
    }

    /// <summary>
    /// True if a call that slept on its own source was ended there: the folios that it held are not freed.
    /// </summary>
    public bool HasReapedCalls { get; private set; }

    /// <summary>True if a thread sleeps where an incident has reported it, and no handler is to wake it.</summary>
    public bool IsLeftAsleep(Access access, RunIncidents incidents)
    {
        if (access is not { WaitState: not WaitState.None, Context: { } context }) return false;
        if (access.Caller.Mm != Mm) return incidents.Count(IncidentKind.ForkedChild) > 0;
        int number = Array.IndexOf(Contexts, context);
        return number >= 0 && Service.Readers[number] is { } reader && reader.Strays.IsReported(access.MessageAddress)
            && incidents.Count(IncidentKind.UnknownAddress) > 0;
    }

    /// <summary>An actor was started for the run, and ends with it.</summary>
    public void Started(IActorRef actor, string name)
    {
        _started.Add(actor);
        Label(actor, name);
    }

    private void Bind(Owner owner) => owner.Attach(
        _host.Pool.Take(owner) ?? throw new InvalidOperationException($"The pool has no actor for {owner}."));

    private void OnGiven(ActorPort port, Owner owner) => Label(port.Self, owner switch
    {
        Caller thread when Array.IndexOf(Threads, thread) is var i and >= 0 => _host.Scenario.Threads[i].Name,
        UserfaultContext { Number: var i } when i < Contexts.Length && Contexts[i] == owner => _host.Scenario.Contexts[i].Name,
        _ => owner.ToString()!,
    });

    private void Label(IActorRef actor, string name)
    {
        if (ActorPool.QueueOf(actor) is not { } queue) return;
        queue.Label = _names.Count;
        _names.Add(name);
    }

    private void Expect(Errno error, string what)
    {
        if (error != Errno.None) throw new ScenarioException($"Scenario {_host.Scenario.Name} cannot be set up: {what} gives {error}.");
    }
}
