using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Choices;
using UffdActors.Explore.Faults;
using UffdActors.Explore.Policies;
using UffdActors.Explore.Runs;
using UffdActors.Explore.Scenarios;

namespace UffdActors.Explore.Tests;

/// <summary>Scenarios out of a seed: what there is in them, that they can be repeated, and what they have shown, shrunk.</summary>
public class RandomScenarioTests
{
    private const string Uffd = "contexts { uffd { features = [event-fork, event-remap, event-remove, event-unmap], handlers = 1, ";
    private const string Silent = "contexts { uffd { handlers = 1, ";

    [Fact]
    public void Random_scenarios_have_everything_that_a_scenario_can_have()
    {
        Scenario[] all = [.. Exploration.Random(seed: 1, count: 3_000)];
        ThreadAction[] actions = [.. all.SelectMany(s => s.Setup.Concat(s.Threads.SelectMany(t => t.Actions)))];
        ContextPlan[] contexts = [.. all.SelectMany(s => s.Contexts)];

        Assert.Equal(Enum.GetValues<ActionKind>(), actions.Select(a => a.Kind).Distinct().Order());
        Assert.Equal(FaultPoints.All.Order(), all.SelectMany(s => s.Faults).Distinct().Order());
        Assert.Equal(Enum.GetValues<MemoryKind>(), all.SelectMany(s => s.Regions).Select(r => r.Memory).Distinct().Order());
        Assert.Equal(["linux-6.18", "linux-7.1", "seed"], all.Select(s => s.Kernel.Name).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(7, contexts.SelectMany(c => c.Registered).Select(r => r.Modes).Distinct().Count());
        Assert.All(ScenarioText.FeatureWords, f => Assert.Contains(contexts, c => (c.Features & f.Feature) != 0));
        Assert.Equal([0, 1, 2, 3], contexts.Select(c => c.Handlers).Distinct().Order());
        Assert.Contains(all, s => s.Contexts.Length == 2 && s.Threads.Length == 4 && s.Contexts.All(c => c.Handlers > 0));
        Assert.Contains(all, s => s.Contexts.Any(c => c.Push) && s.Faults.Contains(FaultPoint.RacingResolver) && s.Has(ActionKind.Mremap));
        Assert.Contains(all, s => s.Regions.Any(r => r.Alias && r.Memory == MemoryKind.GuestMemfd));
        Assert.Contains(all, s => !s.Setup.IsEmpty);
        Assert.Contains(all, s => !s.MustFinish);
        Assert.Contains(all, s => s.MustFinish);
        // Most of what moves goes into reserved room; elsewhere it is refused, or takes other memory with it.
        (ThreadAction Action, bool IsToRoom)[] moves =
        [
            .. from scenario in all
               from action in scenario.Threads.SelectMany(t => t.Actions)
               where action.Kind is ActionKind.Mremap or ActionKind.MremapKeep
               select (action, scenario.Regions[action.OtherRegion].Memory == MemoryKind.Nothing),
        ];
        Assert.True(moves.Count(m => m.IsToRoom) * 4 > moves.Length * 3, $"{moves.Count(m => m.IsToRoom)} of {moves.Length}");
    }

    [Fact]
    public void A_random_scenario_that_is_read_from_its_text_makes_the_same_runs()
    {
        using Explorer explorer = new();
        PolicyRandom random = new();
        SchedulePolicy policy = SchedulePolicy.Find("random")![0];
        foreach (Scenario drawn in Exploration.Random(seed: 700, count: 150))
        {
            string text = ScenarioText.Format(drawn);
            Scenario read = ScenarioText.Parse(drawn.Name, text);
            Assert.Equal(text, ScenarioText.Format(read));
            Assert.Equal(drawn.Regions.Select(r => r.Name), read.Regions.Select(r => r.Name));
            random.Begin(seed: 5);
            policy.Begin(random, expectedSteps: 100);
            RunResult first = explorer.Run(new RunRequest { Scenario = drawn, Policy = policy, Seed = 5 });
            int[] choices = explorer.ChoicesOfLatest();
            Assert.Equal(first.Hash.Text, explorer.Run(new RunRequest { Scenario = read, Choices = choices }).Hash.Text);
        }
    }

    // Of a private mapping COPY has filled, the cache has nothing: CONTINUE gives EFAULT and COPY EEXIST, again and again (Linux 6.18.44
    // was asked).
    [Theory]
    [InlineData(
        "kernel = linux-6.18, regions { ram { pages = 1, memory = shmem-private } }, " + Uffd
            + "register.ram = [missing, minor], push = on } }, threads { t = [\"read ram 0\"] }")]
    [InlineData(
        "kernel = linux-6.18, regions { ram { pages = 1, memory = shmem-private, zeros = [0] } }, " + Silent
            + "register.ram = [missing, minor], push = on } }, threads { t = [\"read ram 0\"] }")]
    public void A_push_takes_a_private_page_for_what_it_is(string scenario) => IsClean(scenario);

    // A hole that the push is about to copy into is unmapped, and the page behind it is none: it was mapped as it was, as zeros.
    [Fact]
    public void A_push_through_an_alias_does_not_take_the_page_behind_a_hole_for_one() => IsClean(
        "regions { ram { pages = 2, memory = shmem, alias = on }, room { pages = 2, memory = nothing } }, contexts { uffd { "
        + "features = [event-unmap], register.ram = [minor], handlers = 1, push = on } }, "
        + "threads { t = [\"mremap ram 0 1 room 0\"], u = [\"remove ram 0 1\"] }");

    // Nobody is told of the hole, and nobody may ever touch it.
    [Theory]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem, alias = on } }, " + Silent
            + "register.ram = [minor], push = on } }, threads { t = [\"remove ram 0 1\"] }")]
    [InlineData(
        "kernel = linux-7.1, regions { ram { pages = 2, memory = guest-memfd, alias = on } }, " + Uffd
            + "register.ram = [missing, minor], push = on } }, threads { t = [\"punch ram 0 2\"], u = [\"write ram 1\", \"read ram 1\"] }")]
    public void A_push_through_an_alias_comes_to_its_end_where_a_hole_is_punched(string scenario) => IsClean(scenario);

    // The call keeps the context open while it goes on; or its pages would be registered with what is closed, and whoever touches them went
    // round for ever.
    [Fact]
    public void Who_registers_while_the_context_is_closed_leaves_nothing_registered() => IsClean(
        "must-finish = off, kernel = linux-6.18, regions { ram { pages = 1, memory = shmem, zeros = [0] }, room { pages = 1, memory = "
        + "nothing } }, contexts { uffd { features = [event-remap], register.ram = [missing, minor] } }, "
        + "threads { a = [\"register uffd ram 0 1\", \"register uffd ram 0 1\", \"read ram 0\", \"read room 0\"], b = [\"unregister uffd "
        + "ram 0 1\", \"close uffd\"], c = [\"register uffd ram 0 1\", \"mremap ram 0 1 room 0\"] }");

    [Fact]
    public void A_program_is_explored_alone_as_it_is_among_others()
    {
        ScenarioReport among = Explored(seed: 900, count: 3)[2];
        ScenarioReport alone = Explored(seed: 902, count: 1)[0];
        Assert.Equal((among.Scenario, among.Digest), (alone.Scenario, alone.Digest));

        static IReadOnlyList<ScenarioReport> Explored(ulong seed, int count) =>
            new Exploration(new CampaignOptions { Schedules = 5, Seed = seed }, threads: 1, CancellationToken.None)
                .Explore(Exploration.Random(seed, count)).Scenarios;
    }

    // Drawn from seed 116006 once, and called a violation: pages that are unregistered, and a userfaultfd that is closed, while the push is
    // at work.
    [Fact]
    public void A_push_of_what_is_unregistered_bit_by_bit_and_closed_is_clean() => IsClean(
        "kernel = linux-7.1, regions { ram { pages = 3 }, room { pages = 3, memory = nothing }, spare { pages = 2, memory = shmem } }, "
        + "contexts { uffd { features = [event-unmap], register.ram = [missing], handlers = 2, push = on } }, "
        + "threads { thread-0 = [\"unregister uffd ram 0 2\"], "
        + "thread-1 = [\"unregister uffd ram 1 1\", \"write spare 1\", \"close uffd\"], "
        + "thread-2 = [\"wake uffd ram 2 1\", \"close uffd\"], thread-3 = [\"unregister uffd ram 1 2\", \"unprotect uffd ram 2 1\", "
        + "\"read ram 2\"] }, faults = [wire.duplicate, wire.crash, fill.short]");

    // Oracles and reference, which took these for wrong.
    [Theory]
    [InlineData(
        "kernel = linux-6.18, regions { ram { pages = 1, memory = shmem-private } }, contexts { uffd { "
            + "register.ram = [missing, wp, minor], handlers = 1, push = on } }, threads { t = [\"fork\", \"read-child ram 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem } }, contexts { uffd { register.ram = [missing], handlers = 1 } }, "
            + "threads { t = [\"fork\", \"read-child ram 0\"], u = [\"read ram 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem, alias = on }, rom { pages = 1 } }, contexts { second { register.rom = [missing], "
            + "handlers = 1, push = on }, uffd { features = [event-fork, event-remap, event-remove, event-unmap], "
            + "register.ram = [missing, minor], handlers = 1 } }, threads { t = [\"mremap ram 0 1 rom 0\", \"exit\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem, alias = on } }, " + Uffd + "register.ram = [wp, minor] } }, "
            + "threads { t = [\"write ram 0\"], u = [\"read ram 0\", \"dontneed ram 0 1\", \"poison uffd ram 0 1\"] }")]
    [InlineData(
        "regions { ram { pages = 1 }, rom { pages = 1 }, room { pages = 1, memory = nothing } }, contexts { uffd { "
            + "register.ram = [missing], register.rom = [missing], handlers = 1, push = on } }, "
            + "threads { t = [\"move uffd ram 0 1 rom 0\", \"mremap ram 0 1 room 0\"] }")]
    [InlineData(
        "kernel = linux-7.1, regions { ram { pages = 1, memory = guest-memfd, alias = on } }, " + Silent
            + "register.ram = [missing], push = on } }, threads { t = [\"remove ram 0 1\", \"exit\"] }")]
    [InlineData(
        "regions { ram { pages = 2 }, room { pages = 1, memory = nothing } }, " + Uffd
            + "register.ram = [missing], push = on } }, threads { t = [\"mremap ram 0 1 room 0\", \"mremap ram 1 1 room 0\", "
            + "\"exit\"] }")]
    [InlineData(
        "regions { ram { pages = 1 }, room { pages = 1, memory = nothing } }, " + Uffd
            + "register.ram = [missing] } }, threads { t = [\"copy-from uffd ram 0 1 room 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, zeros = [0] } }, " + Uffd
            + "register.ram = [missing] } }, setup = [\"copy uffd ram 0 1\"], threads { t = [\"read ram 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = guest-memfd, alias = on }, room { pages = 1, memory = nothing } }, " + Uffd
            + "register.ram = [minor], push = on } }, threads { t = [\"mremap ram 0 1 room 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = guest-memfd, alias = on } }, " + Uffd
            + "register.ram = [minor] } }, threads { t = [\"read ram 0\"], u = [\"continue uffd ram 0 1\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem, alias = on } }, " + Uffd
            + "register.ram = [wp, minor], source-actor = on } }, threads { t = [\"read ram 0\", \"protect uffd ram 0 1\"], u = "
            + "[\"continue uffd ram 0 1\"] }")]
    [InlineData(
        "regions { ram { pages = 2, memory = shmem, alias = on } }, " + Silent
            + "register.ram = [missing, minor] } }, threads { t = [\"remove ram 0 2\", \"read ram 1\"], u = [\"read ram 1\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem, alias = on } }, " + Uffd
            + "register.ram = [minor] } }, threads { t = [\"read ram 0\"], u = [\"punch ram 0 1\"], v = [\"read ram 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem, alias = on } }, " + Silent
            + "register.ram = [missing, minor], push = on } }, threads { t = [\"unregister uffd ram 0 1\", \"read ram 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem, alias = on } }, " + Uffd
            + "register.ram = [missing, minor] } }, threads { t = [\"close uffd\"], u = [\"read ram 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem, alias = on } }, " + Silent
            + "register.ram = [missing], push = on } }, threads { t = [\"remove ram 0 1\"] }")]
    [InlineData(
        "regions { ram { pages = 1 } }, " + Uffd
            + "register.ram = [missing] } }, threads { t = [\"copy-from uffd ram 0 1 ram 0\"] }, faults = [vma.crash]")]
    [InlineData(
        "regions { ram { pages = 2 } }, " + Silent
            + "register.ram = [missing] } }, threads { t = [\"write ram 0\", \"dontneed ram 0 2\", \"read ram 0\"], "
            + "u = [\"read ram 1\"] }")]
    [InlineData("regions { ram { pages = 2 } }, " + Uffd + "register.ram = [wp], push = on } }, threads { t = [\"read ram 0\"] }")]
    [InlineData(
        "kernel = linux-6.18, regions { ram { pages = 1, memory = shmem, alias = on }, room { pages = 1, memory = nothing } }, " + Uffd
            + "register.ram = [minor], push = on } }, threads { a = [\"mremap ram 0 1 room 0\"], b = [\"read room 0\"], c = [\"read ram "
            + "0\", \"unregister uffd room 0 1\"] }")]
    [InlineData(
        "regions { ram { pages = 2 } }, " + Uffd
            + "register.ram = [missing] } }, threads { t = [\"read ram 1\", \"mremap ram 0 1 ram 1\"] }")]
    [InlineData(
        "kernel = linux-7.1, regions { ram { pages = 1, memory = guest-memfd } }, " + Uffd
            + "register.ram = [missing] } }, threads { t = [\"read ram 0\"] }, faults = [module.enomem]")]
    [InlineData(
        "kernel = linux-6.18, regions { ram { pages = 3 } }, " + Silent
            + "register.ram = [missing] } }, threads { t = [\"mremap ram 0 1 ram 2\"], u = [\"read ram 1\"] }")]
    [InlineData(
        "kernel = linux-6.18, regions { ram { pages = 1, memory = shmem-private } }, " + Uffd
            + "register.ram = [minor] } }, threads { t = [\"read ram 0\"], u = [\"pageout ram 0 1\"] }, faults = [fill.eexist]")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem, alias = on } }, " + Uffd
            + "register.ram = [missing, minor] } }, threads { t = [\"peek ram 0\", \"poison uffd ram 0 1\", \"peek ram 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem }, room { pages = 1, memory = nothing } }, " + Uffd
            + "register.ram = [missing] } }, threads { t = [\"mremap ram 0 1 room 0\"], u = [\"peek ram 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1 } }, "
            + "contexts { uffd { features = [thread-id], register.ram = [missing, wp], handlers = 1, push = on } }, "
            + "threads { t = [\"write ram 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem }, room { pages = 1, memory = nothing } }, " + Uffd
            + "register.ram = [wp] } }, threads { t = [\"mremap-keep ram 0 1 room 0\"], u = [\"read ram 0\", \"read room 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1, memory = shmem, alias = on } }, " + Uffd
            + "register.ram = [missing], push = on } }, threads { t = [\"exit\"] }")]
    [InlineData(
        "regions { ram { pages = 1 } }, " + Uffd
            + "register.ram = [missing] } }, threads { t = [\"copy-from uffd ram 0 1 ram 0\"], u = [\"exit\"] }")]
    [InlineData(
        "regions { ram { pages = 1 }, room { pages = 1, memory = nothing } }, " + Silent
            + "register.ram = [missing], push = on } }, threads { t = [\"mremap-keep ram 0 1 room 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1 } }, " + Uffd
            + "register.ram = [missing] } }, setup = [\"zeropage uffd ram 0 1\"], threads { t = [\"fork\", \"read-child ram 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1 } }, contexts { uffd { features = [event-fork], register.ram = [missing] } }, "
            + "threads { t = [\"copy uffd ram 0 1\", \"exit\"], u = [\"fork\"] }")]
    [InlineData(
        "kernel = linux-6.18, regions { ram { pages = 1, memory = shmem, alias = on }, room { pages = 1, memory = nothing } }, "
            + "contexts { uffd { features = [event-remap, event-remove], register.ram = [minor], handlers = 1, push = on } }, "
            + "threads { t = [\"mremap ram 0 1 room 0\", \"dontneed room 0 1\"] }")]
    [InlineData(
        "regions { ram { pages = 1 }, room { pages = 1, memory = nothing } }, contexts { uffd { features = [event-fork, event-remap, "
            + "event-remove, event-unmap], register.ram = [missing], handlers = 1, push = on } }, "
            + "threads { t = [\"mremap ram 0 1 room 0\", \"exit\"] }")]
    [InlineData(
        "regions { ram { pages = 1 } }, " + Uffd
            + "register.ram = [wp] } }, threads { t = [\"copy uffd ram 0 1\"], u = [\"read ram 0\", \"exit\"] }")]
    [InlineData(
        "kernel = linux-7.1, regions { ram { pages = 1, memory = guest-memfd, alias = on } }, " + Silent
            + "register.ram = [missing] } }, threads { t = [\"remove ram 0 1\"], u = [\"read ram 0\", \"exit\"] }")]
    [InlineData(
        "regions { ram { pages = 1 }, room { pages = 1, memory = nothing } }, " + Uffd
            + "register.ram = [missing], push = on } }, threads { t = [\"exit\", \"mremap room 0 1 ram 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1 }, rom { pages = 1 } }, contexts { second { register.rom = [missing], handlers = 1 }, "
            + "uffd { features = [event-remap], register.ram = [missing], handlers = 1 } }, "
            + "threads { t = [\"copy-from uffd ram 0 1 rom 0\", \"exit\"], u = [\"mremap ram 0 1 rom 0\"] }")]
    [InlineData(
        "must-finish = off, regions { ram { pages = 1 } }, contexts { uffd { features = [event-fork], register.ram = [missing] } }, "
            + "threads { a = [\"drain uffd\", \"read-child ram 0\"], b = [\"copy uffd ram 0 1\"], c = [\"fork\"] }")]
    [InlineData(
        "regions { ram { pages = 1 }, room { pages = 1, memory = nothing } }, " + Silent
            + "register.ram = [missing] } }, threads { t = [\"mremap-keep ram 0 1 room 0\", \"write ram 0\"], u = [\"read ram 0\"] }")]
    [InlineData(
        "regions { ram { pages = 1 }, room { pages = 1, memory = nothing } }, " + Uffd
            + "register.ram = [wp] } }, threads { t = [\"mremap-keep ram 0 1 room 0\", \"read ram 0\"], u = [\"write ram 0\"] }")]
    public void What_a_kernel_does_just_the_same_is_no_violation(string scenario) => IsClean(scenario);

    // The page came all at once, and behind it in the same chunk one of zeros: the first was taken for zeros, too.
    [Fact]
    public void A_push_of_huge_pages_brings_each_its_own_content() => IsClean(
        "memory-pages = 4, regions { ram { pages = 2, memory = hugetlb, zeros = [1] } }, " + Uffd
        + "register.ram = [missing], push = on } }, threads { t = [\"read ram 0\"] }", schedules: 100);

    // Who copies out of memory of his own finds by himself that the page is there, while fork holds the mapping.
    [Fact]
    public void A_copy_onto_a_huge_page_that_is_there_is_refused_while_fork_holds_it() => IsClean(
        "memory-pages = 4, regions { ram { pages = 1, memory = hugetlb, alias = on } }, " + Uffd
        + "register.ram = [missing, minor] } }, threads { t = [\"fork\"], u = [\"copy-from uffd ram 0 1 ram 0\"] }", schedules: 100);

    [Fact]
    public void What_is_said_of_removed_huge_pages_is_looked_at_page_by_page() => IsClean(
        "memory-pages = 8, regions { ram { pages = 2, memory = hugetlb } }, contexts { uffd { features = [event-remove], "
        + "register.ram = [missing], handlers = 1 } }, threads { t = [\"remove ram 1 1\", \"write ram 1\"], u = [\"read ram 1\"] }",
        schedules: 100);

    [Fact]
    public void An_injected_fill_leaves_alone_what_nobody_fills() => IsClean(
        "kernel = linux-7.1, regions { ram { pages = 1, memory = guest-memfd } }, " + Uffd
        + "register.ram = [wp] } }, threads { t = [\"read ram 0\", \"punch ram 0 1\"], u = [\"write ram 0\"], "
        + "v = [\"protect uffd ram 0 1\"] }, faults = [fill.eexist]");

    // The cache was allocated before anything came, and keeps zeros when the page leaves the mapping: those are not the source's bytes.
    [Theory]
    [InlineData("seed", "shmem")]
    [InlineData("linux-7.1", "guest-memfd")]
    public void A_page_that_was_given_back_before_its_content_came_is_not_said_to_be_the_sources(string kernel, string memory) => IsClean(
        $"kernel = {kernel}, regions {{ ram {{ pages = 1, memory = {memory}, alias = on }} }}, " + Uffd
        + "register.ram = [missing, wp, minor] } }, threads { t = [\"dontneed ram 0 1\"], u = [\"read ram 0\"] }");

    // The push has mapped the page, and hears of it behind the write and the removal.
    [Fact]
    public void A_write_to_a_page_that_a_push_has_just_mapped_outlives_its_mapping() => IsClean(
        "kernel = linux-7.1, regions { ram { pages = 2, memory = guest-memfd, alias = on } }, contexts { uffd { features = [event-fork, "
        + "event-remap, event-remove, event-unmap], handlers = 2, register.ram = [missing, wp, minor], push = on } }, "
        + "threads { t = [\"write ram 1\", \"dontneed ram 0 2\"], u = [\"read ram 1\"] }", schedules: 5_000);

    [Fact]
    public void A_hook_that_throws_while_the_process_ends_is_told_of_too() => IsClean(
        "regions { ram { pages = 1 } }, " + Uffd + "register.ram = [missing, wp] } }, threads { t = [\"read ram 0\", \"exit\"], "
        + "u = [\"write ram 0\"] }, faults = [hook.throw]");

    // The event of one userfaultfd is read by nobody, and both are changing as long: the end of the process ends that (Linux 6.18.44 was
    // asked), and the push of the other gets ESRCH.
    [Fact]
    public void A_fork_that_waits_for_a_reader_ends_with_its_process() => IsClean(
        "must-finish = off, regions { ram { pages = 1 }, rom { pages = 1 } }, contexts { "
        + "second { features = [event-fork], register.rom = [missing], handlers = 1, push = on }, "
        + "uffd { features = [event-fork], register.ram = [missing] } }, "
        + "threads { t = [\"drain uffd\", \"exit\"], u = [\"fork\"] }");

    // Somebody else's page lies where the push brings its own: CONTINUE finds nothing of ours behind it, and COPY finds it there.
    [Fact]
    public void A_push_through_an_alias_ends_where_memory_of_somebody_else_is_mapped() => IsClean(
        "kernel = linux-6.18, regions { ram { pages = 1, memory = shmem-private }, rom { pages = 1, memory = shmem, alias = on }, "
        + "room { pages = 1, memory = nothing } }, contexts { "
        + "second { features = [event-remap], register.rom = [missing, minor], handlers = 1, push = on }, "
        + "uffd { features = [event-fork, event-remap, event-remove, event-unmap], register.ram = [missing], handlers = 1 } }, "
        + "threads { a = [\"mremap ram 0 1 room 0\"], b = [\"mremap rom 0 1 room 0\", \"read ram 0\"] }");

    // Its last fill is refused when everything it was to bring is there or unmapped, and it has ended.
    [Fact]
    public void A_push_that_has_ended_still_tells_that_the_process_is_gone() => IsClean(
        "regions { ram { pages = 3 }, room { pages = 3, memory = nothing } }, contexts { uffd { features = [], register.ram = [missing], "
        + "handlers = 1, push = on } }, threads { a = [\"unregister uffd ram 1 1\"], b = [\"read ram 2\"], c = [\"exit\"] }, "
        + "faults = [source.fail, context.wake]");

    [Theory]
    [InlineData(Uffd + "register.ram = [missing] } }, threads { t = [\"drain uffd\"] }", "drain is for a context with handlers = 0")]
    [InlineData(
        Uffd + "register.ram = [missing] } }, threads { t = [\"register uffd ram 0 1\"] }", "register is for a context with handlers = 0")]
    [InlineData(Uffd + "register.own = [minor] } }, threads { t = [\"read own 0\"] }", "CONTINUE is refused there with EINVAL")]
    public void What_works_behind_the_back_of_handlers_is_refused_with_the_reason(string scenario, string reason)
    {
        ScenarioException refused = Assert.Throws<ScenarioException>(
            () => ScenarioText.Parse(
                "refused", "kernel = seed, regions { ram { pages = 1 }, own { pages = 1, memory = shmem-private } }, " + scenario));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    private static void IsClean(string text, int schedules = 800)
    {
        using Explorer explorer = new();
        ScenarioReport report = new Campaign(explorer, new CampaignOptions { Schedules = schedules })
            .Explore(ScenarioText.Parse("found", text));
        Assert.True(report.Finding is null, report.Finding?.Violation.Sentence);
        Assert.Equal(schedules, report.Schedules);
    }
}
