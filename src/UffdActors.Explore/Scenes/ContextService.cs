using Akka.Actor;
using UffdActors.Actors;
using UffdActors.Explore.Faults;
using UffdActors.Explore.Scenarios;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Userfault;

namespace UffdActors.Explore.Scenes;

/// <summary>What serves the contexts of a run: readers and their views, handlers, page sources, pushes.</summary>
internal sealed class ContextService
{
    private const int CrashLimit = 8;

    // A run has at most three faults, so a request pauses at the second failure in a row: pausing, and its end, are explored too.
    private static readonly SourceTerms Terms = new(new Patience(TimeSpan.FromMicroseconds(15), Resumes: true));

    private readonly RunHost _host;
    private readonly RunScene _scene;

    /// <param name="host">What the runs of the scenario have in common.</param>
    /// <param name="scene">The owners of the run; its contexts and files are there already.</param>
    public ContextService(RunHost host, RunScene scene)
    {
        _host = host;
        _scene = scene;
        Readers = new FaultReader?[scene.Contexts.Length];
        Plain = new PlainView?[scene.Contexts.Length];
        Received = new PageBitmap?[scene.Files.Length];
        Pages = new RegionPages?[scene.Files.Length];
        Zeroed = new ZeroedPages?[scene.Files.Length];
    }

    /// <summary>Reader of each context; null where the scenario's threads read.</summary>
    public FaultReader?[] Readers { get; }

    /// <summary>The events of each context, applied page by page; null where the scenario's threads read.</summary>
    public PlainView?[] Plain { get; }

    /// <summary>The events of a context, applied page by page; null if it is not the run's, or the scenario's threads read it.</summary>
    public PlainView? PlainOf(UserfaultContext? context) =>
        Array.IndexOf(_scene.Contexts, context) is >= 0 and var number ? Plain[number] : null;

    /// <summary>Pages for which the hook for writes has been called, and has not thrown, since they were protected.</summary>
    public HashSet<(int Region, int Page)> Hooked { get; } = [];

    /// <summary>Pages of the regions that are served; null for others.</summary>
    public RegionPages?[] Pages { get; }

    /// <summary>Pages that lost their content without a write, of regions with WP_ASYNC; null for others.</summary>
    public ZeroedPages?[] Zeroed { get; }

    /// <summary>Received bitmaps of the regions that are served; null for others.</summary>
    public PageBitmap?[] Received { get; }

    /// <summary>Starts what serves each context that handlers serve; pushes begin later, with the threads.</summary>
    public void Start()
    {
        for (int i = 0; i < _scene.Contexts.Length; i++)
        {
            if (_host.Scenario.Contexts[i].Handlers > 0) Serve(i);
        }
    }

    private void Serve(int number)
    {
        ContextPlan plan = _host.Scenario.Contexts[number];
        RegionView view = RegionView.Of(plan.Registered.Select(r => Served(r, (plan.Features & UffdFeatures.WpAsync) != 0)));
        HandlerSlot[] slots = [.. Enumerable.Range(0, plan.Handlers).Select(i => new HandlerSlot(i, NewThread(number, 100 + i)))];
        PlainView plain = new(_scene.Layout.UnitPages);
        plain.Begin(view);
        Plain[number] = plain;
        WatchedDescriptor descriptor = new(_scene.Contexts[number], plain);
        FaultReader reader = _host.Parts.NewReader(descriptor, slots, view, _host.Loop, CrashLimit);
        bool isWatched = _host.Scenario.Faults.Any(f => f == FaultPoint.SourceSilent || FaultPoints.WrongAnswers.Contains(f));
        reader.Outages = new Outages(isWatched ? Terms with { Incidents = _host.Vm.Incidents, AsksAgain = true } : Terms);
        if (_host.Scenario.Faults.Contains(FaultPoint.HookThrow)) reader.BeforeWrite = (region, page) => BeforeWrite(region, (int)page);
        reader.Owner = new OwnerWatch("the process", () => !_scene.Mm.IsAlive, _host.Vm.Incidents);
        reader.Owner.WhenGone(() => OwnerGone(number));
        Readers[number] = reader;
        WireSource source = new(_host.Loop, _host.Faults, _host.Content, !plan.SourceActor)
        {
            Wire = _host.Wire,
            Overtaken = order => _host.Overtaken?.Invoke(order),
        };
        SourceWatch? watch = isWatched ? reader.Outages.Of(source) : null;
        IActorRef? sourceActor = plan.SourceActor || plan.Push ? StartSource(source, watch, $"source of {plan.Name}") : null;
        IActorRef context = ((ActorPort)_scene.Contexts[number].Port).Self;
        HandlerOptions[] handlers =
            [.. slots.Select(slot => new HandlerOptions(slot, reader, context, source, plan.SourceActor ? sourceActor : null))];
        string name = $"{VmProtocol.HandlerName}-{_host.NextNumber()}";
        _host.Vm.Root.Tell(new VmProtocol.StartHandlers(reader, context, handlers, name, new TaskCompletionSource()));
        _host.Loop.RunUntilQuiet();
        for (int i = 0; i < slots.Length; i++) _scene.Started(slots[i].Thread.Actor, $"handler {i} of {plan.Name}");
        if (!plan.Push) return;
        foreach (Registered registered in plan.Registered.Where(r => r.Modes != RegisterModes.WriteProtect))
        {
            PushOptions options = new(
                reader, context, NewThread(number, 200 + registered.Region), sourceActor!, registered.Region,
                reader.View.FindPart(registered.Region, 0)!.Pages, new PushProgress(new TaskCompletionSource()),
                ChunkPages: plan.PushWindow > 1 ? _scene.Layout.UnitPages : ChunkPages, UnitPages: _scene.Layout.UnitPages, Watch: watch,
                Order: OrderOf(plan.Prefetch), WindowChunks: plan.PushWindow);
            Pushes.Add((options, $"push-{_host.NextNumber()}"));
        }
    }

    /// <summary>Background pushes; they begin with the threads.</summary>
    public List<(PushOptions Options, string Name)> Pushes { get; } = [];

    /// <summary>
    /// True if a page has paused until <c>recover</c>. A page that waits for the end of an outage is not counted: it is retried without a
    /// call.
    /// </summary>
    public bool HasPaused =>
        Readers.Any(r => r is not null && r.OutstandingRequests().Any(q => q is { Phase: RequestPhase.Paused, PausedBy: null }));

    /// <summary>The embedder's <c>recover</c>: every paused request is retried.</summary>
    public void Recover()
    {
        for (int i = 0; i < _scene.Contexts.Length; i++)
        {
            if (Readers[i] is not null) ((ActorPort)_scene.Contexts[i].Port).Self.Tell(VmProtocol.Recover.Instance, ActorRefs.NoSender);
        }

        foreach ((PushOptions options, _) in Pushes) options.Thread.Actor.Tell(VmProtocol.Recover.Instance, ActorRefs.NoSender);
    }

    // Two huge pages are enough for an order between them.
    private int ChunkPages => _scene.Layout.UnitPages == 1 ? 4 : 2 * _scene.Layout.UnitPages;

    private void BeforeWrite(int region, int page)
    {
        if (_host.Faults.Hits(FaultPoint.HookThrow)) throw new IOException("the hook has a bug");
        _ = Hooked.Add((region, page));
    }

    // As the embedder's userfaultfd does it.
    private void OwnerGone(int number)
    {
        ((ActorPort)_scene.Contexts[number].Port).Self.Tell(VmProtocol.OwnerGone.Instance, ActorRefs.NoSender);
        foreach ((PushOptions options, _) in Pushes)
        {
            if (options.Reader == Readers[number]) options.Thread.Actor.Tell(VmProtocol.OwnerGone.Instance, ActorRefs.NoSender);
        }
    }

    /// <summary>Starts the background pushes.</summary>
    public void StartPushes()
    {
        foreach ((PushOptions options, string name) in Pushes)
        {
            _host.Vm.Root.Tell(
                new VmProtocol.StartPush(
                    _host.Parts.PushProps(_host.Vm, options), options.Thread, name, new TaskCompletionSource<IActorRef>()));
            // The root makes the actor and sends its first message; that message is the run's.
            while (options.Thread.Actor.IsNobody()) _ = _host.Loop.Step();
            _scene.Started(options.Thread.Actor, $"push of {_host.Scenario.Regions[options.Region].Name}");
        }
    }

    private static IPrefetchOrder OrderOf(PrefetchKind kind) => kind switch
    {
        PrefetchKind.Locality => new LocalityOrder(),
        PrefetchKind.Bubble => new BubbleOrder(),
        _ => new LinearOrder(),
    };

    private WatchedThread NewThread(int context, int id) =>
        new WatchedThread(
            _host.Parts.NewMonitorThread(new Caller(_scene.Mm, id), _scene.Contexts[context]), call => _host.CallBegun?.Invoke(call),
            (address, bytes, length) => _host.AliasWritten?.Invoke(address, bytes, length));

    private ServedRegion Served(Registered registered, bool isAsync)
    {
        RegionPlan region = _host.Scenario.Regions[registered.Region];
        PageRange range = PageRange.OfBytes(_scene.Layout.AddressOf(registered.Region, 0), (ulong)region.Pages << _scene.Layout.PageShift);
        RegionPages pages = new(range.Count);
        for (int page = 0; page < region.Pages; page++)
        {
            // Protected by a call of the set-up.
            if (_scene.LookAt(_host.Content.IndexOf(registered.Region, page)).IsProtected)
                pages.Mark(new PageRange(_scene.BasePageOf(page), _scene.BasePageOf(page + 1)));
        }

        Received[registered.Region] = pages.Received;
        Pages[registered.Region] = pages;
        if (isAsync) Zeroed[registered.Region] = new ZeroedPages(range.Count);
        bool isMinor = (registered.Modes & RegisterModes.Minor) != 0;
        AliasPages? alias = isMinor && region.Alias
            ? new AliasPages(PageSize.PageOf(_scene.Layout.AliasOf(registered.Region, 0)), range.Count)
            : null;
        ResolveBy by = !isMinor ? ResolveBy.Copy : alias is null ? ResolveBy.ContinueAsIs : ResolveBy.Continue;
        return new ServedRegion(
            registered.Region, range, range.Start, by, pages, alias, _scene.Layout.PageShift,
            IsProtected: (registered.Modes & RegisterModes.WriteProtect) != 0)
        {
            Zeroed = Zeroed[registered.Region],
            CopiesHoles = by == ResolveBy.ContinueAsIs && (registered.Modes & RegisterModes.Missing) != 0,
        };
    }

    private IActorRef StartSource(WireSource source, SourceWatch? watch, string name)
    {
        TaskCompletionSource<IActorRef> done = new();
        _host.Vm.Root.Tell(
            new VmProtocol.StartActor(_host.Parts.SourceProps(_host.Vm, source, watch), $"source-{_host.NextNumber()}", done));
        _host.Loop.RunUntilQuiet();
        IActorRef actor = done.Task.GetAwaiter().GetResult();
        _scene.Started(actor, name);
        return actor;
    }
}
