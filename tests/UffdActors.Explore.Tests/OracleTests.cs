using System.Reflection;
using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Mutants;
using UffdActors.Explore.Policies;
using UffdActors.Explore.Runs;
using UffdActors.Explore.Scenarios;
using UffdActors.Explore.Scenes;
using UffdActors.Handling;
using UffdActors.Model.Mapping;
using UffdActors.Model.Memory;
using UffdActors.Model.Operations;
using UffdActors.Model.Operations.Filling;
using UffdActors.Model.Userfault;
using UffdActors.Worlds;

namespace UffdActors.Explore.Tests;

/// <summary>
/// Each oracle is fed a run that is wrong in just its way, and catches it: by itself, without the comparison to the sequential kernel.
/// </summary>
public class OracleTests
{
    private const string Anonymous = "kernel = linux-6.18, regions { ram { pages = 4 }, spot { pages = 1, memory = nothing } }, contexts "
        + "{ uffd { register.ram = [missing] } }, ";
    private const string Protected =
        "kernel = linux-6.18, regions { ram { pages = 4 } }, contexts { uffd { register.ram = [missing, wp] } }, ";
    private const string Shmem =
        "kernel = linux-6.18, regions { ram { pages = 4, memory = shmem } }, contexts { uffd { register.ram = [missing] } }, ";
    private const string Huge = "kernel = linux-6.18, memory-pages = 4, regions { ram { pages = 2, memory = hugetlb } }, contexts { uffd { "
        + "register.ram = [missing] } }, ";
    private const string Copy = "threads { main = [\"copy uffd ram 0 1\", \"read ram 0\"] }";

    // What a fill leaves behind it, in the turn in which its pages are there and nobody has been woken.
    private static readonly Dictionary<string, (string Scenario, Action<Fill> Wrong)> Fills = new()
    {
        ["whole-pages"] = (Anonymous + Copy, fill => Folios(fill).WriteLane(EntryOf(fill, 0).Folio, PageSize.Base / 2, 1)),
        ["whole-pages, its last bytes"] =
            (Anonymous + Copy, fill => Folios(fill).WriteLane(EntryOf(fill, 0).Folio, PageSize.Base - sizeof(ulong), 1)),
        ["whole-pages, of a huge page"] =
            (Huge + Copy, fill => HugeFolios(fill).WriteLane(HugeEntryOf(fill).Folio, PageSize.Huge - PageSize.Base, 1)),
        ["conservation, of huge pages"] = (Huge + Copy, fill => HugeFolios(fill).AllocateZeroed()),
        ["history, of a huge page"] = (Huge + Copy, fill => HugeFolios(fill).WriteLane(HugeEntryOf(fill).Folio, 0, 1)),
        ["one-place"] = (Anonymous + Copy, fill => Set(fill, 0, 1, EntryOf(fill, 0))),
        ["mapped"] = (Anonymous + Copy, fill => Set(fill, 1, 0, Entry.Anon(Folios(fill).AllocateZeroed()))),
        ["signals"] = (Anonymous + Copy, fill => Set(fill, 0, 0, Entry.Poison)),
        ["conservation"] = (Anonymous + Copy, fill => Folios(fill).AllocateZeroed()),
        ["conservation, when all was given back"] = (Anonymous + Copy, fill => Folios(fill).Share(EntryOf(fill, 0).Folio)),
        ["cache"] = (Shmem + Copy, fill => Set(fill, 0, 0, Entry.File(Folios(fill).AllocateCopy(EntryOf(fill, 0).Folio)))),
        ["history"] = (Anonymous + Copy, fill => Folios(fill).WriteLane(EntryOf(fill, 0).Folio, 0, 1)),
        ["vm-lives"] = (Anonymous + Copy, _ => throw new InvalidOperationException("a bug")),
        ["out-field"] = (Anonymous + Copy, fill => typeof(Fill).GetProperty(nameof(Fill.Out))!.SetValue(fill, 1L)),
        ["protected"] = (
            Protected + "threads { main = [\"copy uffd ram 0 1\", \"protect uffd ram 0 1\", \"copy uffd ram 1 1\"] }",
            fill =>
            {
                if (Page(fill) == 1) Folios(fill).WriteLane(EntryOf(fill, 0).Folio, 0, 1);
            }
        ),
        ["queues"] = (
            Anonymous + "must-finish = off, threads { a = [\"read ram 0\"], b = [\"read ram 0\"], c = [\"copy uffd ram 1 1\"] }",
            fill =>
            {
                // The second of two who sleep in one place is not to be found any more.
                foreach (Access access in fill.Context.Waiters().ToArray()) access.NextInBucket = null;
            }
        ),
    };

    public static TheoryData<string> WrongFills => [.. Fills.Keys];

    [Theory]
    [MemberData(nameof(WrongFills))]
    public void A_fill_that_leaves_something_wrong_behind_is_caught(string what)
    {
        (string scenario, Action<Fill> wrong) = Fills[what];
        Assert.Null(Explore(RunParts.Shipped, scenario)?.Violation);
        Assert.Equal(what.Split(',')[0], Explore(new Parts { Fill = wrong }, scenario)?.Violation.Invariant);
    }

    [Fact]
    public void A_fill_that_goes_in_while_an_event_is_unread_is_caught()
    {
        const string scenario = "kernel = linux-6.18, regions { ram { pages = 2 } }, contexts { uffd { features = [event-remove], "
            + "register.ram = [missing] } }, must-finish = off, "
            + "threads { a = [\"copy uffd ram 0 1\"], b = [\"dontneed ram 1 1\"], c = [\"drain uffd\"] }";
        Assert.Null(Explore(RunParts.Shipped, scenario)?.Violation);
        Assert.Equal("no-fill-while-changing", Explore(new Parts { IgnoresChange = true }, scenario)?.Violation.Invariant);
    }

    /// <summary>That somebody is at work on another page is no comfort to who sleeps on this one.</summary>
    [Fact]
    public void A_lost_wake_is_caught_beside_work_that_never_ends()
    {
        const string scenario = "kernel = linux-6.18, regions { ram { pages = 4 } }, contexts { other {}, uffd { register.ram = "
            + "[missing], handlers = 2 } }, threads { a = [\"read ram 0\"], b = [\"read ram 1\"] }";
        Assert.Null(Explore(RunParts.Shipped, scenario)?.Violation);
        Finding? finding = Explore(new Parts { StuckOn = 1, SilentOn = 0 }, scenario);
        Assert.Equal("no-lost-wake", finding?.Violation.Invariant);
        Assert.Contains("ram:0", finding!.Violation.Sentence, StringComparison.Ordinal);

        // And work that never ends is caught by itself.
        Assert.Equal("finishes", Explore(new Parts { StuckOn = 1 }, scenario)?.Violation.Invariant);
    }

    /// <summary>The end of a process cuts calls off behind what they have done: what others have seen of that has a reason.</summary>
    [Fact]
    public void What_a_call_had_done_when_its_process_ended_is_explained_and_nothing_else()
    {
        const string scenario = "kernel = linux-6.18, regions { ram { pages = 2 } }, must-finish = off, contexts { uffd { register.ram = "
            + "[missing], handlers = 0 } }, threads { main = [\"exit\"], a = [\"copy uffd ram 0 1\"], b = [\"read ram 0\"] }";
        Assert.Null(Explore(RunParts.Shipped, scenario, schedules: 4_000)?.Violation);
        Parts wrong = new() { Fill = fill => Folios(fill).WriteLane(EntryOf(fill, 0).Folio, 0, 1) };
        Assert.Equal("history", Explore(wrong, scenario, schedules: 4_000)?.Violation.Invariant);
    }

    /// <summary>A VM that fails of its own bug, in a run that was to fail of an injected one.</summary>
    [Fact]
    public void A_vm_that_fails_of_something_else_than_what_was_injected_is_caught()
    {
        Scenario scenario = ScenarioText.Parse(
            "wrong",
            Anonymous
                + "threads { a = [\"copy uffd ram 0 1\"], b = [\"copy uffd ram 1 1\"], c = [\"copy uffd ram 2 1\"] }, faults = "
                + "[context.crash]");
        using Explorer shipped = new();
        using Explorer wrong = new(new Parts { Fill = _ => throw new InvalidOperationException("a bug") });
        HashSet<string?> caught = [];
        for (ulong seed = 1; seed <= 400; seed++)
        {
            Assert.Null(shipped.Run(new RunRequest { Scenario = scenario, Seed = seed, Policy = new RandomOrder() }).Violation);
            _ = caught.Add(wrong.Run(new RunRequest { Scenario = scenario, Seed = seed, Policy = new RandomOrder() }).Violation?.Invariant);
        }

        Assert.Contains("fails-closed", caught);
    }

    /// <summary>The comparison of bytes at the end is whole, too: here of a page that no history judges, for it was moved.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(PageSize.Base / 2)]
    [InlineData(PageSize.Base - sizeof(ulong))]
    public void The_sequential_kernel_compares_every_byte(int offset)
    {
        const string scenario = "kernel = linux-6.18, regions { ram { pages = 2 }, to { pages = 2 } }, contexts { uffd { features = "
            + "[move], register.ram = [missing], register.to = [missing] } }, "
            + "threads { main = [\"copy uffd ram 0 1\", \"move uffd to 0 1 ram 0\"] }";
        Parts parts = new() { Fill = fill => Folios(fill).WriteLane(EntryOf(fill, 0).Folio, offset, 1) };
        Assert.Null(Explore(RunParts.Shipped, scenario, hasReference: true)?.Violation);
        Finding? finding = Explore(parts, scenario, hasReference: true);
        Assert.Equal("sequential", finding?.Violation.Invariant);
        Assert.Contains($"at byte {offset}", finding!.Violation.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void The_sequential_kernel_compares_every_byte_of_a_huge_page()
    {
        const int last = PageSize.Huge - sizeof(ulong);
        Parts parts = new() { Fill = fill => HugeFolios(fill).WriteLane(HugeEntryOf(fill).Folio, last, 1) };
        const string moved = Huge + "threads { main = [\"copy uffd ram 0 1\", \"move uffd ram 1 1 ram 0\"] }";
        Assert.Null(Explore(RunParts.Shipped, moved, hasReference: true)?.Violation);
        Finding? finding = Explore(parts, moved, hasReference: true);
        Assert.Equal("sequential", finding?.Violation.Invariant);
        Assert.Contains($"at byte {last}", finding!.Violation.Sentence, StringComparison.Ordinal);
    }

    /// <summary>What the cases above do not have is found in a mutant, by what it does to a guest.</summary>
    [Theory]
    [InlineData("protected-install", "installs-then-protects")]
    [InlineData("received", "push-takes-eagain-for-success")]
    [InlineData("events-are-read", "reads-on-credit")]
    [InlineData("one-request", "never-merges")]
    [InlineData("own-waiters", "wakes-owner")]
    [InlineData("no-spin", "defers-without-backoff")]
    [InlineData("fill-keeps-protection", "fill-drops-protection")]
    [InlineData("finishes", "outage-is-never-probed")]
    [InlineData("repeatable", "order-by-hash")]
    [InlineData("received-after-the-end", "push-takes-the-end-for-success")]
    [InlineData("owner-gone-is-told", "end-is-a-gone-range")]
    [InlineData("child", "forked-child-is-closed")]
    [InlineData("there-is-there", "swapped-is-absent")]
    [InlineData("wrong-answers-are-told", "refuses-in-silence")]
    [InlineData("hook-before-write", "hook-failure-goes-on")]
    [InlineData("hook-failures-are-told", "hook-failure-in-silence")]
    [InlineData("push-ends", "push-waits-for-the-unmapped")]
    [InlineData("faults-are-counted-once", "counts-repeats")]
    [InlineData("dirty-set", "removed-is-not-dirty")]
    [InlineData("dirty-set", "comes-back-protected")]
    [InlineData("page-states", "rounds-removed-ranges")]
    [InlineData("removed-pages", "removed-is-for-good")]
    [InlineData("removed-pages", "holes-are-forgotten")]
    [InlineData("view", "keeps-what-was-unmapped")]
    [InlineData("nothing-waits-at-a-gone-place", "pauses-outlive-their-place")]
    public void The_other_oracles_catch_a_mutant(string invariant, string mutant)
    {
        CampaignOptions options = new() { Schedules = 60_000, HasReference = false };
        Mutant wrong = MutantAssembly.Of(Assembly.Load("UffdActors.Mutants")).Single(m => m.Name == mutant);
        Assert.Equal(invariant, new MutantHunt(options, shrinks: false, CancellationToken.None).Hunt(wrong).Finding?.Violation.Invariant);
    }

    private static Finding? Explore(RunParts parts, string scenario, bool hasReference = false, int schedules = 300)
    {
        using Explorer explorer = new(parts);
        return new Campaign(explorer, new CampaignOptions { Schedules = schedules, HasReference = hasReference }).Explore(
            ScenarioText.Parse("wrong", scenario)).Finding;
    }

    private static FolioStore Folios(Fill fill) => fill.Context.Mm.Machine.BaseFolios;

    private static FolioStore HugeFolios(Fill fill) => fill.Context.Mm.Machine.HugeFolios;

    private static int Page(Fill fill) => RegionLayout.PlaceOf(fill.Start).Page;

    private static Entry EntryOf(Fill fill, int page) => fill.Context.Mm.EntryAt(PageOf(0, page));

    private static Entry HugeEntryOf(Fill fill) => fill.Context.Mm.EntryAt(PageSize.PageOf(fill.Start));

    private static void Set(Fill fill, int region, int page, Entry entry) => fill.Context.Mm.SetEntry(PageOf(region, page), entry);

    private static long PageOf(int region, int page) => PageSize.PageOf(new RegionLayout(PageSize.BaseShift).AddressOf(region, page));

    /// <summary>A world with one wrong part.</summary>
    private sealed class Parts : RunParts
    {
        private readonly Dictionary<int, UserfaultContext> _contexts = [];

        /// <summary>What a thread's fill does beside what it should.</summary>
        public Action<Fill> Fill { get; init; } = _ => { };

        /// <summary>Fills do not look whether something changes.</summary>
        public bool IgnoresChange { get; init; }

        /// <summary>Handlers never end a fill of this page.</summary>
        public int? StuckOn { get; init; }

        /// <summary>Handlers fill this page, and wake nobody.</summary>
        public int? SilentOn { get; init; }

        /// <summary>The first context of the run; no thread of these scenarios sleeps there.</summary>
        public UserfaultContext First => _contexts[0];

        public override UserfaultContext NewContext(AddressSpace mm, int number) => _contexts[number] = base.NewContext(mm, number);

        public override Fill NewFill(Caller thread) => new WrongFill(thread, this);

        public override MonitorThread NewMonitorThread(Caller caller, UserfaultContext context) => new WrongThread(caller, context, this);
    }

    private sealed class WrongFill(Caller thread, Parts parts) : Fill(thread)
    {
        internal override bool MeetsChange => !parts.IgnoresChange && base.MeetsChange;

        internal override bool EpochHasChanged => !parts.IgnoresChange && base.EpochHasChanged;

        protected override void OnFilled() => parts.Fill(this);
    }

    private sealed class WrongThread(Caller caller, UserfaultContext context, Parts parts) : ModelThread(caller, context, splitsTurns: true)
    {
        private readonly Caller _caller = caller;
        private readonly UserfaultContext _context = context;

        public override IPageFill NewFill(PageRequest? request) => new WrongMonitorFill(_caller, _context, request, parts);
    }

    private sealed class WrongMonitorFill(Caller caller, UserfaultContext context, PageRequest? request, Parts parts)
        : ModelFill(caller, context, request)
    {
        internal override UserfaultContext WokenContext => Page(this) == parts.SilentOn ? parts.First : base.WokenContext;

        public override void Step()
        {
            if (Page(this) != parts.StuckOn) base.Step();
        }
    }
}
