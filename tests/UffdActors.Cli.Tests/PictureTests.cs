using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using UffdActors.Cli.Hosting;
using UffdActors.Serve.Tests;

namespace UffdActors.Cli.Tests;

/// <summary>
/// Pages, timelines and the live view of the commands that have them. What a page must be is in the tests of its project.
/// </summary>
public sealed partial class PictureTests(VmmPrograms programs) : IClassFixture<VmmPrograms>, IDisposable
{
    private static readonly TimeSpan Hang = TimeSpan.FromMinutes(2);
    private static readonly string[] Migration = ["postcopy", "--world", "model", "--memory", "2M", "--accesses", "4000", "--vcpus", "2"];
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public async Task A_migration_is_a_page_and_a_timeline()
    {
        (string html, string timeline, string json) = (_place.Path("a.html"), _place.Path("a.json"), _place.Path("report"));
        CommandRun run = await CommandRun.Of([.. Migration, "--html", html, "--timeline", timeline, "--json", json]);
        run.EndsWith(ExitCode.Done);

        string page = await File.ReadAllTextAsync(html);
        Assert.Equal(["map", "causes", "latency", "percentiles", "hops", "vcpus", "incidents"], IdsOf(page).Except(["rates", "levels"]));
        Assert.Contains("Verified: 512 pages present", page, StringComparison.Ordinal);

        // Every page is drawn as there, and every fault that was stamped is in the timeline.
        using JsonDocument report = JsonDocument.Parse(await File.ReadAllTextAsync(json));
        int faults = report.RootElement.GetProperty("latency").GetProperty("samples").GetInt32();
        Assert.True(faults > 0);
        Assert.Contains("and 0 have never come", page, StringComparison.Ordinal);
        using JsonDocument trace = JsonDocument.Parse(await File.ReadAllTextAsync(timeline));
        JsonElement[] events = [.. trace.RootElement.GetProperty("traceEvents").EnumerateArray()];
        Assert.Equal(faults, events.Count(e => e.GetProperty("name").GetString()!.StartsWith("fault, page", StringComparison.Ordinal)));
        // One that met another's request for its page has passed no station, and has no flow.
        int flows = events.Count(e => e.GetProperty("ph").GetString() == "s");
        Assert.InRange(flows, (faults / 2) + 1, faults);
        Assert.Equal(flows, events.Count(e => e.GetProperty("ph").GetString() == "f"));
        Assert.Equal(["a.html", "a.json", "report"], _place.Files);
    }

    [Fact]
    public async Task On_virtual_time_there_are_pictures_too()
    {
        CommandRun run = await CommandRun.Of([.. Migration, "--dispatcher", "stepped", "--html", _place.Path("a.html")]);
        run.EndsWith(ExitCode.Done);
        Assert.Contains("Times are virtual", await File.ReadAllTextAsync(_place.Path("a.html")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_receiving_end_of_a_migration_is_a_page_and_a_timeline()
    {
        string uri = $"unix:{_place.Path("wire")}";
        (string html, string timeline) = (_place.Path("a.html"), _place.Path("a.json"));
        Task<CommandRun> receive = CommandRun.Of(
            "migrate", "receive", uri, "--no-rehearsal", "--bandwidth", "4M", "--html", html, "--timeline", timeline);
        CommandRun send = await CommandRun.Of("migrate", "send", uri, "--memory", "2M", "--accesses", "4000", "--no-rehearsal");
        send.EndsWith(ExitCode.Done);
        (await receive.WaitAsync(Hang)).EndsWith(ExitCode.Done);
        string page = await File.ReadAllTextAsync(html);
        Assert.Contains("Verified: 512 pages present", page, StringComparison.Ordinal);
        Assert.Contains("and 0 have never come", page, StringComparison.Ordinal);
        Assert.Contains("\"wire\"", await File.ReadAllTextAsync(timeline), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stress_run_is_a_page_also_when_it_finds_something()
    {
        CommandRun run = await CommandRun.Of(
            "stress", "--world", "model", "--pages", "16", "--vcpus", "3", "--visits", "48", "--load", "0", "--gc", "off", "--rounds", "50",
            "--demo-violation", "--html", _place.Path("a.html"));
        run.EndsWith(ExitCode.Failed);
        string page = await File.ReadAllTextAsync(_place.Path("a.html"));
        Assert.Matches("<p class=\"verdict bad\">VIOLATION of ", page);
        Assert.Equal(["oracles", "floors"], IdsOf(page).Except(["rates", "levels"]));
    }

    [Fact]
    public async Task An_exploration_is_a_page_with_what_was_met()
    {
        CommandRun run = await CommandRun.Of(
            "explore", "--scenario", "tiny-fault", "--schedules", "10", "--threads", "1", "--html", _place.Path("a.html"));
        run.EndsWith(ExitCode.Done);
        string page = await File.ReadAllTextAsync(_place.Path("a.html"));
        Assert.Equal(["coverage", "fault-points", "scenarios", "holes"], IdsOf(page));
        Assert.Contains("Nothing was broken.", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bench_and_a_comparison_are_pages()
    {
        string json = _place.Path("a.json");
        CommandRun run = await CommandRun.Of(
            "bench", "events", "--events", "40", "--regions", "1,2", "--repeats", "1", "--json", json, "--html", _place.Path("one.html"));
        run.EndsWith(ExitCode.Done);
        Assert.Equal(["figures"], IdsOf(await File.ReadAllTextAsync(_place.Path("one.html"))));

        (await CommandRun.Of("bench", "compare", json, json, "--html", _place.Path("two.html"))).EndsWith(ExitCode.Done);
        string page = await File.ReadAllTextAsync(_place.Path("two.html"));
        Assert.Equal(["figures", "settings"], IdsOf(page));
        Assert.Contains("the ranges of 0 are apart", page, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_server_of_guests_is_a_page_with_the_memory_of_each()
    {
        VmmPrograms.Require();
        const int Pages = 256;
        SnapshotFile.Write(_place.Path("memory"), Pages);
        string socket = _place.Path("socket");
        Task<CommandRun> serve = CommandRun.Of(
            "serve", "--socket", socket, "--memory", _place.Path("memory"), "--sessions", "1", "--html", _place.Path("a.html"));
        Assert.True(SpinWait.SpinUntil(() => File.Exists(socket), Hang));
        await using VmmProcess vmm = new(
            programs.Of("cloud-hypervisor"), socket, (Pages * 4096).ToString(CultureInfo.InvariantCulture), "2");
        _ = await vmm.EndAsync();
        (await serve.WaitAsync(Hang)).EndsWith(ExitCode.Done);
        string page = await File.ReadAllTextAsync(_place.Path("a.html"));
        Assert.Equal(["map-1", "causes", "sessions", "incidents"], IdsOf(page).Except(["rates", "levels"]));
        Assert.Contains("vCPUs had waited for 256, and 0 have never come", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--html")]
    [InlineData("--timeline")]
    public async Task A_file_that_cannot_be_written_is_known_before_the_work_begins(string option)
    {
        CommandRun run = await CommandRun.Of([.. Migration, option, _place.Path("none/a")]);
        run.EndsWith(ExitCode.BadInput);
        Assert.Contains($"{option} {_place.Path("none/a")}: the file cannot be written", run.Error, StringComparison.Ordinal);
        Assert.Equal(1, run.Error.Count(c => c == '\n'));
    }

    [Fact]
    public async Task In_a_pipe_nothing_is_drawn()
    {
        CommandRun run = await CommandRun.Of([.. Migration, "--ui"]);
        run.EndsWith(ExitCode.Done);
        Assert.DoesNotContain('\e', run.Error + run.Output);
        Assert.DoesNotContain("absent", run.Error, StringComparison.Ordinal);
    }

    private static IEnumerable<string> IdsOf(string page) => Part().Matches(page).Select(m => m.Groups[1].Value);

    [GeneratedRegex("<li><a href=\"#([^\"]+)\">")]
    private static partial Regex Part();
}
