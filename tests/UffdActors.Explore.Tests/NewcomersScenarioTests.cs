using UffdActors.Explore.Campaigns;
using UffdActors.Explore.Policies;
using UffdActors.Explore.Reports;
using UffdActors.Explore.Runs;
using UffdActors.Explore.Scenarios;

namespace UffdActors.Explore.Tests;

/// <summary>Scenarios that somebody new wrote, and that were called violations although a kernel does just the same.</summary>
public class NewcomersScenarioTests
{
    private const string Ram = "kernel = linux-6.18, regions { ram { pages = 4 }, spot { pages = 4, memory = nothing } }, ";
    private const string Served = Ram
        + "contexts { uffd { features = [event-remove, event-remap, event-unmap], register.ram = [missing], handlers = 1 } }, ";

    private const string ProtectedAndPushed =
        "kernel = linux-6.18, regions { ram { pages = 4 } }, contexts { uffd { features = [event-remove, event-unmap], register.ram = "
            + "[missing, wp], handlers = 1, push = on } }, threads { b = [\"write ram 2\"], c = [\"protect uffd ram 0 3\", \"unprotect "
            + "uffd ram 0 1\"], d = [\"dontneed ram 1 1\"] }";

    private const string CrashedWhileTheSourceFails =
        "kernel = linux-7.1, regions { ram { pages = 4, memory = shmem, alias = on } }, contexts { uffd { features = [event-remove], "
        + "register.ram = [minor], handlers = 2, source-actor = on } }, "
        + "threads { a = [\"read ram 0\"], b = [\"write ram 0\"], c = [\"remove ram 0 1\"], d = [\"read ram 1\"] }, faults = "
        + "[handler.crash-after-fill, wire.reorder, source.fail]";

    /// <summary>
    /// Those that a kernel can be asked about (<c>CProgramTests</c>): a name, the scenario, and the choice that is made throughout.
    /// </summary>
    public static TheoryData<string, string, int> Asked => new()
    {
        { "A", Served + "threads { main = [\"mremap ram 0 2 spot 0\", \"dontneed ram 1 1\", \"read spot 1\"] }", 0 },
        { "B", Served + "threads { main = [\"mremap ram 0 4 spot 0\"], vcpu-0 = [\"write spot 2\"] }, faults = [fill.eexist]", 1 },
        { "C", ProtectedAndPushed, 0 },
        { "D", CrashedWhileTheSourceFails, 0 },
    };

    // madvise goes on over a hole, and takes what lies before and behind it: ENOMEM is only said at the end.
    [Theory]
    [InlineData(Served + "threads { main = [\"mremap ram 0 2 spot 0\", \"dontneed ram 1 1\", \"read spot 1\"] }")]
    [InlineData(
        Served + "threads { main = [\"mremap ram 1 1 spot 1\", \"dontneed ram 0 3\", \"read spot 1\", \"read ram 0\", \"read ram 2\"] }")]
    [InlineData(Served + "threads { a = [\"write ram 1\", \"mremap ram 1 1 spot 1\", \"read spot 1\"], b = [\"dontneed ram 0 3\"] }")]
    [InlineData(Served + "threads { a = [\"read ram 1\", \"munmap ram 1 1\"], b = [\"dontneed ram 0 3\", \"read ram 0\"] }")]
    public void What_is_not_mapped_is_not_taken_by_a_call_that_goes_on_over_it(string scenario) => IsClean(scenario);

    [Theory]
    [InlineData("seed", "anonymous")]
    [InlineData("linux-6.18", "anonymous")]
    [InlineData("linux-6.18", "shmem-private")]
    public void A_call_that_is_refused_changes_no_page(string kernel, string memory) => IsClean(
        $"kernel = {kernel}, regions {{ ram {{ pages = 1, memory = {memory} }} }}, "
            + "contexts { uffd { features = [event-remove, wp-async], register.ram = [wp], handlers = 1 } }, "
            + "setup = [\"copy-wp uffd ram 0 1\"], threads { a = [\"remove ram 0 1\"] }");

    [Theory]
    [InlineData("linux-6.18", "anonymous")]
    [InlineData("seed", "anonymous")]
    [InlineData("linux-6.18", "shmem")]
    [InlineData("linux-6.18", "shmem-private")]
    [InlineData("linux-7.1", "guest-memfd")]
    public void An_access_that_finds_no_memory_is_no_violation_where_there_is_too_little(string kernel, string memory) => IsClean(
        $"kernel = {kernel}, memory-pages = 2, must-finish = off, regions {{ ram {{ pages = 4, memory = {memory} }} }}, "
            + "contexts { uffd { register.ram = [missing], handlers = 1, push = on } }, "
            + "threads { a = [\"write ram 0\", \"write ram 1\"], b = [\"write ram 2\"], "
            + "c = [\"unregister uffd ram 0 4\", \"write ram 3\"] }");

    // The REMAP is queued when the map has changed already, and whoever knows the new place is faster: Linux 6.18 gives REMOVE of it first,
    // and the UNMAP of the old place when something is there again (Tests/Handling/FaultReaderTests has the orders that it was asked for).
    [Theory]
    [InlineData(
        Served + "threads { a = [\"write ram 1\", \"mremap ram 1 1 spot 1\", \"read spot 1\"], b = [\"dontneed ram 0 3\"], c = "
            + "[\"dontneed spot 0 2\"] }")]
    [InlineData(Served + "threads { a = [\"mremap ram 1 1 spot 1\"], b = [\"mremap spot 1 1 ram 1\", \"read ram 1\"] }")]
    public void An_event_that_overtakes_the_move_that_explains_it_is_not_lost(string scenario) => IsClean(scenario);

    // Who fills a page that has moved knows it by its old place.
    [Theory]
    [InlineData(Served + "threads { main = [\"mremap ram 0 4 spot 0\"], vcpu-0 = [\"write spot 2\"] }, faults = [fill.eexist]")]
    [InlineData(
        Served + "threads { main = [\"mremap ram 0 2 spot 2\"], vcpu-0 = [\"read spot 2\", \"read spot 3\"] }, faults = [fill.eexist, "
            + "context.wake, fill.eagain]")]
    public void An_injected_fill_brings_what_belongs_to_a_page_that_has_moved(string scenario) => IsClean(scenario);

    // The first turn of a handler's call is its handler's: it is judged by what was there then.
    [Theory]
    [InlineData(ProtectedAndPushed)]
    public void A_call_of_a_handler_is_judged_by_what_it_met(string scenario) => IsClean(scenario);

    // A request of before a crash is dismissed late: another one for its page waits out an outage by then, and must not be forgotten with
    // it.
    [Fact]
    public void An_outage_keeps_the_page_of_a_request_that_came_after_a_crash() => IsClean(CrashedWhileTheSourceFails);

    [Fact]
    public void A_chart_shows_calls_with_their_arguments_and_errnos()
    {
        using Explorer explorer = new();
        SequenceChart chart = new();
        Scenario scenario =
            ScenarioText.Parse("chart", Ram + "threads { main = [\"munmap ram 0 2\", \"dontneed ram 1 1\", \"read ram 3\"] }");
        _ = explorer.Run(new RunRequest { Scenario = scenario, Policy = new FifoOrder(), Observer = chart });

        string text = chart.ToText("a run");
        Assert.Contains("madvise dontneed ram 1 1 = ENOMEM", text, StringComparison.Ordinal);
        Assert.Contains("munmap ram 0 2 = 0", text, StringComparison.Ordinal);
        Assert.Contains("read ram:3 = zeros", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Memory", text, StringComparison.Ordinal);
    }

    private static void IsClean(string text)
    {
        using Explorer explorer = new();
        ScenarioReport report =
            new Campaign(explorer, new CampaignOptions { Schedules = 2_000 }).Explore(ScenarioText.Parse("newcomer", text));
        Assert.True(report.Finding is null, report.Finding?.Violation.Sentence);
        Assert.Equal(2_000, report.Schedules);
    }
}
