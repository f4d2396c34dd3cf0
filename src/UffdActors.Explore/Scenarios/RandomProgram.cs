using System.Collections.Immutable;
using System.Globalization;
using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Programs;
using UffdActors.Explore.Faults;
using UffdActors.Model;
using Stream = UffdActors.Conformance.Generation.Choices;

namespace UffdActors.Explore.Scenarios;

/// <summary>
/// Programs from a stream of choices: that of the generator of conformance programs (<see cref="Stream"/>), with the frequencies of
/// operations of its classes (<see cref="ProgramClass"/>); made of everything that a scenario can have: kernels, memory, modes, features,
/// handlers, page sources, a push, a second context, reserved room, faults. The stream's first records say what exists; every other one is
/// a step of one thread, and one that begins with 0 ends the program. The choices of the schedule follow in the same list.
/// </summary>
/// <remarks>Regions, contexts and threads are in the order of their names, as they are when the text of the scenario is read.</remarks>
internal static class RandomProgram
{
    private const int MostSteps = 12;
    private const int MostThreads = 4;
    private const int MostFaults = 4;
    private const int Ram = 0;

    private static readonly ProgramClass[] Classes = [ProgramClass.Pages, ProgramClass.Delivery, ProgramClass.Events, ProgramClass.Maps];
    private static readonly KernelProfile[] Kernels = [KernelProfile.Seed, KernelProfile.Linux618, KernelProfile.Linux71];
    private static readonly MemoryKind[] Memories =
        [MemoryKind.Anonymous, MemoryKind.Shmem, MemoryKind.ShmemPrivate, MemoryKind.GuestMemfd];
    private static readonly UffdFeatures[] Events =
        [UffdFeatures.EventFork, UffdFeatures.EventRemap, UffdFeatures.EventRemove, UffdFeatures.EventUnmap];

    private static readonly RegisterModes[] Modes =
    [
        RegisterModes.Missing, RegisterModes.Minor, RegisterModes.WriteProtect, RegisterModes.Missing | RegisterModes.WriteProtect,
        RegisterModes.Missing | RegisterModes.Minor, RegisterModes.Minor | RegisterModes.WriteProtect,
        RegisterModes.Missing | RegisterModes.Minor | RegisterModes.WriteProtect,
    ];

    // Crashes of owners end the VM, so they are drawn alone.
    private static readonly FaultPoint[] Points = [.. FaultPoints.All.Except(OwnerCrash.Points)];

    /// <summary>The program of a seed.</summary>
    public static Scenario OfSeed(ulong seed) =>
        Make(new Stream(seed), $"random-{seed.ToString(CultureInfo.InvariantCulture)}") with { Seed = seed };

    /// <summary>The program of a stream.</summary>
    /// <param name="program">Its choices; what is missing at the end is 0.</param>
    /// <param name="name">Its name.</param>
    public static Scenario Of(IReadOnlyList<int> program, string name) => Make(new Stream(program), name);

    private static Scenario Make(Stream choices, string name)
    {
        choices.NextRecord();
        ProgramClass about = choices.Of(Classes);
        KernelProfile kernel = choices.Of(Kernels);
        bool isSecond = choices.OneIn(3);
        bool isSpare = choices.OneIn(3);
        bool mustFinish = !choices.OneIn(12);
        List<FaultPoint> faults = [
            .. Enumerable.Range(0, MostFaults).Select(_ => choices.Next(Points.Length + 4)).Where(p => p is > 0 && p <= Points.Length)
                .Select(p => Points[p - 1])];
        // A point that ends the VM.
        if (choices.OneIn(20)) faults.Add(choices.Of(OwnerCrash.Points));
        // A page of 2 MiB takes hundreds of times as long to fill, so it is drawn less often than other memory, and with fewer pages.
        bool isHuge = choices.OneIn(16);
        choices.NextRecord();
        (RegionPlan ram, ContextPlan main) = Served(choices, kernel, isHuge, "ram", "uffd", Ram, mostPages: isHuge ? 2 : 4);
        List<RegionPlan> regions = [ram];
        List<ContextPlan> contexts = [main];
        if (isSecond)
        {
            choices.NextRecord();
            (RegionPlan rom, ContextPlan second) = Served(
                choices, kernel, isHuge, "rom", "second", regions.Count, mostPages: isHuge ? 1 : 2);
            regions.Add(rom);
            contexts.Insert(0, second);
        }

        regions.Add(new RegionPlan("room", ram.Pages, MemoryKind.Nothing, false, []));
        bool isShared = isSpare && choices.OneIn(4);
        if (isSpare && isHuge) regions.Add(new RegionPlan("spare", 1, MemoryKind.Hugetlb, false, []));
        else if (isSpare) regions.Add(new RegionPlan("spare", 2, isShared ? MemoryKind.Shmem : MemoryKind.Anonymous, false, []));
        Scenario scenario = new()
        {
            Name = name,
            Summary = "Drawn from a stream of choices",
            Kernel = kernel,
            MemoryPages = isHuge ? 16 : 64,
            Regions = [.. regions],
            Contexts = [.. contexts],
            Setup = [],
            Threads = [],
            Faults = [.. faults.Distinct().Order()],
            // Without handlers a thread may wait for a call that no other thread makes; and where MINOR is registered alone and without
            // an alias, for a page that another thread has removed from the cache.
            MustFinish = mustFinish
                && contexts.TrueForAll(
                    c => c.Handlers > 0
                        && c.Registered.All(
                            r => regions[r.Region].Alias
                                || r.Modes is not RegisterModes.Minor and not (RegisterModes.Minor | RegisterModes.WriteProtect))),
        };
        Builder program = new(choices, about, scenario);
        while (program.TryStep())
        {
        }

        return (scenario with { Threads = program.Threads, Setup = program.Setup, Program = [.. choices.Values] }).WithSwap();
    }

    /// <summary>A region and the userfaultfd that it is registered with, in modes that the kernel accepts.</summary>
    private static (RegionPlan Region, ContextPlan Context) Served(
        Stream choices, KernelProfile kernel, bool isHuge, string name, string context, int number, int mostPages)
    {
        MemoryKind memory = choices.Of(Memories);
        if (isHuge) memory = MemoryKind.Hugetlb;
        int pages = 1 + choices.Next(mostPages);
        RegisterModes modes = choices.Of(Modes);
        UffdFeatures features = UffdFeatures.None;
        bool all = !choices.OneIn(3);
        foreach (UffdFeatures feature in Events) features |= all || choices.OneIn(2) ? feature : 0;
        if (choices.OneIn(3)) features |= UffdFeatures.WpUnpopulated;
        if (choices.OneIn(8)) features |= UffdFeatures.WpAsync;
        if (!Takes(kernel, memory, modes, features)) modes = memory == MemoryKind.GuestMemfd ? RegisterModes.Minor : RegisterModes.Missing;
        if (!Takes(kernel, memory, modes, features)) memory = MemoryKind.Shmem;
        // Accepted by REGISTER, but CONTINUE is refused there (SEMANTICS 7.2.3).
        if (memory == MemoryKind.ShmemPrivate && kernel.Shape == OpsShape.Seed && (modes & RegisterModes.Minor) != 0)
            memory = MemoryKind.Shmem;
        bool canAlias = memory is MemoryKind.Shmem or MemoryKind.GuestMemfd or MemoryKind.Hugetlb;
        bool alias = choices.Next(8) is var rare && canAlias && ((modes & RegisterModes.Minor) != 0 ? rare < 6 : rare == 7);
        ImmutableArray<int> zeros = choices.OneIn(3) ? [pages - 1] : [];
        int handlers = choices.OneIn(12) ? 0 : 1 + choices.Next(3);
        bool sourceActor = choices.OneIn(2);
        // With MINOR alone and no alias, the runtime does not fill the page cache, so the push has nothing to map.
        bool push = choices.OneIn(3) && handlers > 0 && (alias || (modes & RegisterModes.Missing) != 0);
        // In memory that takes no COPY, a hole that is punched without an event stays one until it is touched, and the push would wait for
        // that.
        push &= memory != MemoryKind.GuestMemfd || kernel.Shape == OpsShape.Merged;
        // The same holds for a hole in huge pages that are filled through an alias.
        push &= memory != MemoryKind.Hugetlb || !alias;
        if (choices.OneIn(4)) features |= UffdFeatures.ThreadId;
        if (choices.OneIn(8)) features |= UffdFeatures.Move | UffdFeatures.Poison;
        return (
            new RegionPlan(name, pages, memory, alias, zeros),
            new ContextPlan(context, features, [new Registered(number, modes)], handlers, sourceActor, push)
            {
                PushWindow = push && choices.OneIn(2) ? 1 + choices.Next(4) : 1,
                Prefetch = push ? (PrefetchKind)choices.Next(3) : PrefetchKind.Linear,
            });
    }

    // SEMANTICS 3.2, 7: what REGISTER accepts.
    private static bool Takes(KernelProfile kernel, MemoryKind memory, RegisterModes modes, UffdFeatures features)
    {
        if (modes == RegisterModes.WriteProtect && (features & UffdFeatures.WpAsync) != 0) return true;
        return memory switch
        {
            MemoryKind.Anonymous => (modes & RegisterModes.Minor) == 0,
            MemoryKind.GuestMemfd => kernel.Shape == OpsShape.Merged || (kernel.Shape == OpsShape.Seed && modes == RegisterModes.Minor),
            _ => true,
        };
    }

    /// <summary>Makes the steps.</summary>
    private sealed class Builder(Stream choices, ProgramClass about, Scenario scenario)
    {
        private readonly List<ThreadAction>[] _threads = [.. Enumerable.Range(0, MostThreads).Select(_ => new List<ThreadAction>())];
        private readonly List<ThreadAction> _setup = [];
        private int _steps;

        /// <summary>The threads that have something to do; a program without one reads a page.</summary>
        public ImmutableArray<ThreadPlan> Threads
        {
            get
            {
                ImmutableArray<ThreadPlan> threads =
                [
                    .. _threads.Index().Where(t => t.Item.Count > 0)
                        .Select(t => new ThreadPlan($"thread-{t.Index.ToString(CultureInfo.InvariantCulture)}", [.. t.Item])),
                ];
                return threads.IsEmpty ? [new ThreadPlan("thread-0", [new ThreadAction(ActionKind.Read)])] : threads;
            }
        }

        /// <summary>What is there before the threads begin.</summary>
        public ImmutableArray<ThreadAction> Setup => [.. _setup];

        /// <summary>One record; it may add no step.</summary>
        /// <returns>False at the end.</returns>
        public bool TryStep()
        {
            choices.NextRecord();
            if (choices.Next(10) == 0 || _steps == MostSteps) return false;
            _steps++;
            int thread = choices.Next(MostThreads);
            ProgramOp op = about.Draw(choices);
            int context = scenario.Contexts.Length - 1 - (choices.OneIn(4) ? choices.Next(scenario.Contexts.Length) : 0);
            int region = choices.OneIn(4) ? choices.Next(scenario.Regions.Length) : Ram;
            int page = choices.Next(scenario.Regions[region].Pages);
            int count = 1 + choices.Next(scenario.Regions[region].Pages - page);
            bool other = choices.OneIn(2);
            if (KindOf(op, context, region, other) is not { } kind) return true;
            ThreadAction action = new(kind) { Context = ThreadAction.HasContext(kind) ? context : 0 };
            if (ThreadAction.HasRegion(kind)) action = action with { Region = region, Page = page };
            if (ThreadAction.HasCount(kind)) action = action with { Count = count };
            if (ThreadAction.HasOther(kind)) action = WithOther(action);
            // A call that neither sleeps nor touches a served region may be part of the set-up.
            bool isBefore = choices.OneIn(4)
                && kind is ActionKind.Copy or ActionKind.CopyWp or ActionKind.Zeropage or ActionKind.Protect or ActionKind.Poison;
            (isBefore ? _setup : _threads[thread]).Add(action);
            return true;
        }

        private ActionKind? KindOf(ProgramOp op, int context, int region, bool other) => op switch
        {
            ProgramOp.Access => choices.Next(24) switch
            {
                22 => ActionKind.Peek,
                23 => ActionKind.ReadChild,
                _ => other ? ActionKind.Write : ActionKind.Read,
            },
            ProgramOp.Wake => ActionKind.Wake,
            ProgramOp.Writeprotect => other ? ActionKind.Unprotect : ActionKind.Protect,
            ProgramOp.Copy => choices.Next(4) switch { 2 => ActionKind.CopyFrom, 3 => ActionKind.CopyWp, _ => ActionKind.Copy },
            ProgramOp.Zeropage => ActionKind.Zeropage,
            ProgramOp.Continue => ActionKind.Continue,
            ProgramOp.Poison => ActionKind.Poison,
            ProgramOp.Move => ActionKind.Move,
            ProgramOp.Madvise => choices.OneIn(5) ? ActionKind.PageOut : other ? ActionKind.Remove : ActionKind.DontNeed,
            ProgramOp.Punch => HasFile(region) ? ActionKind.Punch : null,
            ProgramOp.Munmap => ActionKind.Munmap,
            ProgramOp.Mremap => choices.OneIn(5) ? ActionKind.MremapKeep : ActionKind.Mremap,
            ProgramOp.Fork => ActionKind.Fork,
            // In the model the alias of huge pages ends with the process, and a handler would retry its fill for ever, as for an exhausted
            // pool. On a real kernel the alias is in the handlers' own process.
            ProgramOp.Exit => scenario.Regions.Any(r => r is { Memory: MemoryKind.Hugetlb, Alias: true }) ? null : ActionKind.Exit,
            ProgramOp.Unregister => ActionKind.Unregister,
            // Threads neither register nor read at a context that handlers serve.
            ProgramOp.Register => scenario.Contexts[context].Handlers == 0 ? ActionKind.Register : null,
            ProgramOp.Read => scenario.Contexts[context].Handlers == 0 ? ActionKind.Drain : null,
            ProgramOp.Close => ActionKind.Close,
            _ => null,
        };

        private bool HasFile(int region) => scenario.Regions[region].Memory is not (MemoryKind.Anonymous or MemoryKind.Nothing);

        // Mostly into reserved room; the same number of pages must be there.
        private ThreadAction WithOther(ThreadAction action)
        {
            int room = scenario.Regions.Index().First(r => r.Item.Memory == MemoryKind.Nothing).Index;
            bool isToRoom = action.Kind is ActionKind.Mremap or ActionKind.MremapKeep && !choices.OneIn(4);
            int other = isToRoom ? room : choices.Next(scenario.Regions.Length);
            int last = scenario.Regions[other].Pages - action.Count;
            return last < 0
                ? action with { Count = scenario.Regions[other].Pages, OtherRegion = other }
                : action with { OtherRegion = other, OtherPage = choices.OneIn(2) ? Math.Min(action.Page, last) : choices.Next(last + 1) };
        }
    }
}
