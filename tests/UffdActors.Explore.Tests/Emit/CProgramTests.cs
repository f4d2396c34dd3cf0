using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Emit;
using UffdActors.Explore.Reports;
using UffdActors.Explore.Runs;
using UffdActors.Explore.Scenarios;

namespace UffdActors.Explore.Tests.Emit;

/// <summary>A run as a C program: it compiles without a warning, ends by itself, and this kernel gives the results of the run.</summary>
public sealed class CProgramTests
{
    private const int Hit = 1;

    // Runs of these, first come, first served, whose calls have interleaved so that no order of whole calls gives their results.
    private static readonly Dictionary<string, string> NotAsCalls = new()
    {
        ["close-under-faults"] = "is under way while it is closed",
        ["copy-from-missing"] = "in the middle of its range",
        ["event-unread"] = "more finely",
        ["forked-child"] = "read-child",
        ["huge-pages"] = "ram is hugetlb",
        ["left-and-came-back"] = "more finely",
        ["moved-in-an-outage"] = "mremap-keep",
        ["owner-gone"] = "\"exit\"",
        ["paged-out"] = "peek",
        ["unknown-address"] = "mremap-keep",
    };

    // A fill is refused by what UNREGISTER has published and before that ends.
    private const string RefusedWhileUnregistering = "continue-into-a-hole-of-what-is-not-registered-any-more.replay.json";

    // A fill meets the hole that mremap makes before it moves something in.
    private const string RefusedWhileMoving = "served-by-another-than-the-one-that-knows-the-place.replay.json";

    // A handler crashes in one, a range stays registered behind its mremap in another, and one is of guest-memfd.
    private static readonly string[] NotAsProgram =
    [
        RefusedWhileUnregistering, RefusedWhileMoving,
        "hook-that-throws-for-a-handler-that-has-crashed.replay.json", "forgotten-at-its-new-place.replay.json",
        "two-accesses-of-a-handler-in-one-turn.replay.json",
    ];

    public static TheoryData<string> Replays =>
        [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Replays")).Select(path => Path.GetFileName(path)!)
            .Where(file => !NotAsProgram.Contains(file)).Order(StringComparer.Ordinal)];

    /// <summary>Every named scenario but those in which handlers crash.</summary>
    public static TheoryData<string> Names => [.. NamedScenarios.All.Where(s => s.Name != "crashing-handlers").Select(s => s.Name)];

    [Theory]
    [InlineData(RefusedWhileUnregistering, "in the middle of an UNREGISTER")]
    [InlineData(RefusedWhileMoving, "in the middle of an mremap")]
    public void A_fill_that_is_refused_in_the_middle_of_another_call_has_no_order_of_whole_calls(string file, string reason)
    {
        using Explorer explorer = new();
        ReplayFile replay = ReplayFile.Read(Path.Combine(AppContext.BaseDirectory, "Replays", file));
        NotExpressibleException refused = Assert.Throws<NotExpressibleException>(() => CProgram.Of(replay, explorer));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [MemberData(nameof(Replays))]
    public void A_replay_file_gives_the_results_of_its_run_on_this_kernel(string file)
    {
        using Explorer explorer = new();
        ReplayFile replay = ReplayFile.Read(Path.Combine(AppContext.BaseDirectory, "Replays", file));
        Verify(CProgram.Of(replay, explorer));
    }

    [SkippableTheory]
    [MemberData(nameof(Names))]
    public void A_run_of_a_scenario_gives_its_results_on_this_kernel_or_says_why_it_cannot_be_written(string name)
    {
        using Explorer explorer = new();
        string program;
        try
        {
            program = CProgram.Of(NamedScenarios.Find(name), [], explorer, []);
        }
        catch (NotExpressibleException e)
        {
            Assert.Contains(name, NotAsCalls);
            Assert.Contains(NotAsCalls[name], e.Message, StringComparison.Ordinal);
            return;
        }

        Assert.DoesNotContain(name, NotAsCalls);
        Verify(program);
    }

    [SkippableTheory]
    [MemberData(nameof(NewcomersScenarioTests.Asked), MemberType = typeof(NewcomersScenarioTests))]
    public void A_newcomers_scenario_gives_the_results_of_its_run_on_this_kernel(string name, string scenario, int choice)
    {
        using Explorer explorer = new();
        Verify(CProgram.Of(ScenarioText.Parse(name, scenario), [.. Enumerable.Repeat(choice, 64)], explorer, []));
    }

    // What such a program cannot show; of the last the sequential kernel has been asked.
    private static readonly string[] Reasons =
    [
        "needs a KVM guest", "which such a program does not do", "is under way while it is closed", "a handler crashes",
        "user space cannot do", "in the middle of", "a memory module fails", "runs out of physical memory", "interleaved more finely",
        "whose pages come from a pool",
    ];

    [SkippableFact]
    public void Random_programs_give_the_results_of_their_runs_on_this_kernel_or_say_why_they_cannot_be_written()
    {
        using Explorer explorer = new();
        int written = 0;
        int count = Environment.GetEnvironmentVariable("UFFD_LONG") is null ? 45 : 90;
        foreach (Scenario drawn in Exploration.Random(seed: 1, count).Where(s => s.Kernel.Name == "linux-6.18"))
        {
            string program;
            try
            {
                program = CProgram.Of(drawn, [], explorer, []);
            }
            catch (NotExpressibleException e)
            {
                Assert.Contains(Reasons, reason => e.Message.Contains(reason, StringComparison.Ordinal));
                continue;
            }

            Verify(program);
            written++;
        }

        Assert.InRange(written, count / 6, count);
    }

    [Fact]
    public void Calls_that_give_another_result_one_after_the_other_are_found_out()
    {
        using Explorer explorer = new();
        Scenario scenario = ScenarioText.Parse(
            "script",
            "kernel = linux-6.18, regions { ram { pages = 1 } }, contexts { uffd { register.ram = [missing], handlers = 1 } }, "
            + "threads { a = [\"read ram 0\"], b = [\"zeropage uffd ram 0 1\"] }");

        Assert.Null(Difference(_ => { }));
        Assert.StartsWith("\"read ram 0\" gives another result", Difference(calls => ReadOf(calls).Value++), StringComparison.Ordinal);
        Assert.StartsWith("\"read ram 0\" sleeps in", Difference(calls => ReadOf(calls).HasEnded = false), StringComparison.Ordinal);
        Assert.StartsWith("Copy of ram:0 gives", Difference(calls => FillOf(calls).Out = 0), StringComparison.Ordinal);

        static ScriptCall FillOf(IReadOnlyList<ScriptCall> calls) => calls.First(c => c.Kind == CallKind.Fill);

        static ScriptCall ReadOf(IReadOnlyList<ScriptCall> calls) => calls.First(c => c.Outcome is not null);

        string? Difference(Action<IReadOnlyList<ScriptCall>> change)
        {
            using RunScript script = new(scenario);
            _ = explorer.Run(new RunRequest { Scenario = scenario, Observer = script });
            IReadOnlyList<ScriptCall> calls = script.InOrder();
            change(calls);
            using WholeCalls whole = new(explorer.HostOf(scenario));
            return whole.FirstDifference(calls);
        }
    }

    // A handler that meets EEXIST of ZEROPAGE tries COPY in the same turn.
    [SkippableFact]
    public void A_fill_that_is_used_again_at_once_is_two_calls()
    {
        using Explorer explorer = new();
        string program = CProgram.Of(
            ScenarioText.Parse(
                "used-again",
                "kernel = linux-6.18, regions { ram { pages = 1, zeros = [0] } }, contexts { uffd { register.ram = [missing], handlers = "
                    + "1 } }, threads { a = [\"read ram 0\"], b = [\"zeropage uffd ram 0 1\"] }"),
            [],
            explorer,
            []);
        Assert.Contains("ZeroPage ram 0", program, StringComparison.Ordinal);
        Assert.Contains("Copy ram 0", program, StringComparison.Ordinal);
        Verify(program);
    }

    [Theory]
    [InlineData("a mutant", "in this program and not in the kernel")]
    [InlineData("guest-memfd", "guest-memfd, which needs")]
    [InlineData("hugetlb", "hugetlb, whose pages come from a pool")]
    [InlineData("a crash", "a handler crashes in it")]
    [InlineData("a change burst", "fill.eagain is injected")]
    public void What_the_kernel_knows_nothing_of_is_refused_with_the_reason(string what, string reason)
    {
        using Explorer explorer = new();
        NotExpressibleException refusal = Assert.Throws<NotExpressibleException>(() => CProgram.Of(FileOf(what), explorer));
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Somebodys_names_stay_within_comments_and_strings()
    {
        using Explorer explorer = new();
        ReplayFile replay = FileOf("nothing") with { Sentence = "ends */ int x; /* \" \\ here", Policy = "a\nb" };
        string program = CProgram.Of(replay, explorer);
        Assert.Contains("ends * / int x; /* ' / here", program, StringComparison.Ordinal);
        Assert.Contains("policy a b", program, StringComparison.Ordinal);
    }

    // A file as uffd explore writes it, of a run in which just that happens.
    private static ReplayFile FileOf(string what)
    {
        string fault = what switch { "a crash" => "handler.crash-after-read", "a change burst" => "fill.eagain", _ => "" };
        string memory = what is "guest-memfd" or "hugetlb" ? what : "anonymous";
        return new ReplayFile
        {
            Name = "one-fault",
            Scenario =
            [
                "version = 1",
                "kernel = linux-7.1",
                $"regions {{ ram {{ pages = 1, memory = {memory} }} }}",
                "contexts { uffd { register.ram = [missing], handlers = 1 } }",
                "threads { vcpu = [\"read ram 0\"] }",
                fault.Length > 0 ? $"faults = [\"{fault}\"]" : "faults = []",
            ],
            Mutant = what == "a mutant" ? "no-recheck" : null,
            Policy = "random",
            // The fault point is in the run, and fires wherever it is passed.
            Choices = [.. Enumerable.Repeat(fault.Length > 0 ? Hit : 0, 64)],
            Invariant = "none",
            Sentence = "nothing",
            TraceHash = "0",
        };
    }

    private static void Verify(string program)
    {
        (int code, string output) = CompiledRun.Of(program);
        Assert.True(code == 0, $"{output}\n{program[program.IndexOf("#define REGIONS", StringComparison.Ordinal)..]}");
        Assert.Contains("SAME: ", output, StringComparison.Ordinal);
    }
}
