using System.Collections.Immutable;
using System.Globalization;
using UffdActors.Abi;
using UffdActors.Conformance.Generation;
using UffdActors.Conformance.Programs;
using UffdActors.Explore.Faults;
using UffdActors.Model;
using Stream = UffdActors.Conformance.Generation.Choices;

namespace UffdActors.Explore.Scenarios;

/// <summary>
/// Programs out of a stream of choices: the generator's of the conformance programs (<see cref="Stream"/>), with the operations as often as
/// its classes have them (<see cref="ProgramClass"/>); made of what a scenario has, with handlers, page sources, a push and faults beside.
/// The stream's first record says what exists; every other one is a step of one thread, and one that begins with 0 ends the program. The
/// choices of the schedule follow in the same list.
/// </summary>
internal static class RandomProgram
{
    private const int MostSteps = 14;
    private const int MostThreads = 4;
    private const int MostFaults = 3;
    private const UffdFeatures Events = UffdFeatures.EventFork | UffdFeatures.EventRemap | UffdFeatures.EventRemove | UffdFeatures.EventUnmap;

    private static readonly ProgramClass[] Classes = [ProgramClass.Pages, ProgramClass.Delivery, ProgramClass.Events, ProgramClass.Maps];

    // Those that end a run are no use here, and need other calls; those behind them need a world that is made for them.
    private static readonly FaultPoint[] Points = [.. FaultPoints.All.Where(p => p < FaultPoint.CrashVma)];

    /// <summary>The program of a seed.</summary>
    public static Scenario OfSeed(ulong seed) => Make(new Stream(seed), $"random-{seed.ToString(CultureInfo.InvariantCulture)}");

    /// <summary>The program of a stream.</summary>
    /// <param name="program">Its choices; what is missing at the end is 0.</param>
    /// <param name="name">Its name.</param>
    public static Scenario Of(IReadOnlyList<int> program, string name) => Make(new Stream(program), name);

    private static Scenario Make(Stream choices, string name)
    {
        choices.NextRecord();
        ProgramClass about = choices.Of(Classes);
        bool minor = choices.OneIn(4);
        MemoryKind memory = choices.OneIn(3) || minor ? MemoryKind.Shmem : MemoryKind.Anonymous;
        int pages = 1 + choices.Next(4);
        ImmutableArray<int> zeros = choices.OneIn(3) ? [pages - 1] : [];
        bool wp = choices.OneIn(4) && !minor;
        bool isSecond = choices.OneIn(4);
        int handlers = 1 + choices.Next(2);
        bool sourceActor = choices.OneIn(2);
        bool push = choices.OneIn(3);
        ImmutableArray<FaultPoint> faults = [.. Enumerable.Range(0, MostFaults)
            .Select(_ => choices.Next(Points.Length + 1)).Where(p => p > 0).Select(p => Points[p - 1])
            .Where(p => !minor || p is not (FaultPoint.RacingResolver or FaultPoint.FillShort)).Distinct().Order()];
        RegisterModes modes = (minor ? RegisterModes.Minor : RegisterModes.Missing) | (wp ? RegisterModes.WriteProtect : 0);
        // Regions that move do not take their alias, nor their protection, with them in a way that one history could tell.
        bool changes = !minor && !wp;
        Builder program = new(choices, about, new RegionPlan("ram", pages, memory, minor, zeros), changes, wp, isSecond);
        while (program.TryStep())
        {
        }

        List<RegionPlan> regions = [program.Ram, new RegionPlan("spot", pages, MemoryKind.Nothing, false, [])];
        List<ContextPlan> contexts = [new("uffd", changes ? Events : UffdFeatures.None, [new Registered(0, modes)], handlers, sourceActor, push)];
        if (isSecond)
        {
            regions.Add(new RegionPlan("rom", 1, MemoryKind.Anonymous, false, []));
            contexts.Add(new ContextPlan("second", UffdFeatures.None, [new Registered(2, RegisterModes.Missing)], 1, false, false));
        }

        return new Scenario
        {
            Name = name,
            Summary = "Drawn from a stream of choices",
            Kernel = KernelProfile.Seed,
            MemoryPages = 64,
            Regions = [.. regions],
            Contexts = [.. contexts],
            Setup = [],
            Threads = program.Threads,
            Faults = faults,
            Program = [.. choices.Values],
        };
    }

    /// <summary>Makes the steps.</summary>
    private sealed class Builder(Stream choices, ProgramClass about, RegionPlan ram, bool changes, bool wp, bool isSecond)
    {
        private readonly List<ThreadAction>[] _threads = [.. Enumerable.Range(0, MostThreads).Select(_ => new List<ThreadAction>())];
        private int _steps;
        private bool _takes;
        private bool _moves;

        public RegionPlan Ram { get; } = ram;

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

        /// <summary>One record; it may find nothing to do.</summary>
        /// <returns>False at the end.</returns>
        public bool TryStep()
        {
            choices.NextRecord();
            if (choices.Next(10) == 0 || _steps == MostSteps) return false;
            _steps++;
            int thread = choices.Next(MostThreads);
            if (ActionOf(about.Draw(choices)) is { } action) _threads[thread].Add(action);
            return true;
        }

        private ThreadAction? ActionOf(ProgramOp op)
        {
            int page = choices.Next(Ram.Pages);
            int count = 1 + choices.Next(Ram.Pages - page);
            bool other = choices.OneIn(2);
            if (op == ProgramOp.Access)
            {
                ThreadAction access = new(other ? ActionKind.Write : ActionKind.Read) { Page = page };
                return isSecond && choices.OneIn(4) ? access with { Region = 2, Page = 0 } : access;
            }

            ActionKind? kind = op switch
            {
                ProgramOp.Wake => ActionKind.Wake,
                ProgramOp.Writeprotect when wp => other ? ActionKind.Unprotect : ActionKind.Protect,
                ProgramOp.Copy when !Ram.Alias => Ram.Zeros.IsEmpty ? ActionKind.Copy : ActionKind.Zeropage,
                ProgramOp.Zeropage when !Ram.Alias => ActionKind.Zeropage,
                ProgramOp.Continue when Ram.Memory == MemoryKind.Shmem && !Ram.Alias => ActionKind.Continue,
                ProgramOp.Poison when !Ram.Alias => ActionKind.Poison,
                ProgramOp.Madvise when changes => other && Ram.Memory == MemoryKind.Shmem ? ActionKind.Remove : ActionKind.DontNeed,
                ProgramOp.Munmap when changes => ActionKind.Munmap,
                ProgramOp.Mremap when changes => ActionKind.Mremap,
                ProgramOp.Fork when changes => ActionKind.Fork,
                ProgramOp.Unregister when changes => ActionKind.Unregister,
                _ => null,
            };
            // A page's history is one register: what takes content away and what changes its place are not in one program, and its place
            // changes once.
            bool takes = kind is ActionKind.DontNeed or ActionKind.Remove;
            bool moves = kind is ActionKind.Munmap or ActionKind.Mremap or ActionKind.Fork or ActionKind.Unregister;
            if (kind is not { } known || (takes && _moves) || (moves && (_takes || _moves))) return null;
            _takes |= takes;
            _moves |= moves;
            return new ThreadAction(known) { Page = page, Count = count, OtherRegion = known == ActionKind.Mremap ? 1 : 0, OtherPage = known == ActionKind.Mremap ? page : 0 };
        }
    }
}
