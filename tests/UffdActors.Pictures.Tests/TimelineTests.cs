using System.Text.Json;
using UffdActors.Pictures.History;
using UffdActors.Pictures.Timeline;

namespace UffdActors.Pictures.Tests;

/// <summary>
/// The document is one that a viewer of trace events reads: every track named, slices that do not overlap, flows that begin and end.
/// </summary>
public sealed class TimelineTests
{
    private static readonly JsonElement[] Events = Read(Runs.Small(), isRemote: false);

    [Fact]
    public void Every_event_has_what_its_phase_needs()
    {
        Assert.All(Events, e =>
        {
            string phase = Text(e, "ph");
            Assert.Contains(phase, new[] { "M", "X", "s", "t", "f", "C", "i" });
            Assert.True(e.GetProperty("ts").GetDecimal() >= 0);
            Assert.InRange(e.GetProperty("pid").GetInt32(), 1, 2);
            Assert.True(e.GetProperty("tid").GetInt32() >= 0);
            Assert.NotEqual("", Text(e, "name"));
            Assert.Equal(phase == "X", e.TryGetProperty("dur", out JsonElement duration) && duration.GetDecimal() >= 0);
            Assert.Equal(phase is "s" or "t" or "f", e.TryGetProperty("id", out _));
        });
    }

    [Fact]
    public void Every_track_that_has_a_slice_has_a_name()
    {
        HashSet<(int, int)> named = [.. Events.Where(e => Text(e, "name") == "thread_name").Select(TrackOf)];
        Assert.All(Events.Where(e => Text(e, "ph") == "X"), e => Assert.Contains(TrackOf(e), named));
        string[] names = [.. Events.Where(e => Text(e, "name") == "thread_name").Select(e => Text(e.GetProperty("args"), "name"))];
        Assert.All(["vCPU 0", "vCPU 1", "context", "handler", "source", "push"], name => Assert.Contains(name, names));
        Assert.Equal(names.Distinct(), names);
    }

    [Fact]
    public void Slices_of_a_track_do_not_overlap()
    {
        foreach (IGrouping<(int, int), JsonElement> track in Events.Where(e => Text(e, "ph") == "X").GroupBy(TrackOf))
        {
            decimal end = 0;
            foreach (JsonElement slice in track.OrderBy(e => e.GetProperty("ts").GetDecimal()))
            {
                Assert.True(slice.GetProperty("ts").GetDecimal() >= end, $"{track.Key}: {slice}");
                end = slice.GetProperty("ts").GetDecimal() + slice.GetProperty("dur").GetDecimal();
            }
        }
    }

    [Fact]
    public void Every_fault_has_a_flow_from_its_vCPU_to_its_wake()
    {
        IGrouping<int, JsonElement>[] flows =
            [.. Events.Where(e => e.TryGetProperty("id", out _)).GroupBy(e => e.GetProperty("id").GetInt32())];
        Assert.Equal(150, flows.Length);
        foreach (IGrouping<int, JsonElement> flow in flows)
        {
            JsonElement[] steps = [.. flow];
            Assert.Equal(["s", "t", "t", "t", "t", "f"], steps.Select(e => Text(e, "ph")));
            Assert.Equal(steps.Select(e => e.GetProperty("ts").GetDecimal()).Order(), steps.Select(e => e.GetProperty("ts").GetDecimal()));
            Assert.Equal((1, 2), (steps[0].GetProperty("pid").GetInt32(), steps[^1].GetProperty("pid").GetInt32()));
            Assert.Equal("wake", Text(SliceAt(steps[^1]), "name"));
            Assert.Equal("e", Text(steps[^1], "bp"));
            Assert.All(steps, e => Assert.Equal(JsonValueKind.Object, SliceAt(e).ValueKind));
        }
    }

    [Fact]
    public void Over_a_wire_the_source_is_the_wire() =>
        Assert.Contains(
            Read(Runs.Small(), isRemote: true),
            e => Text(e, "name") == "thread_name" && Text(e.GetProperty("args"), "name") == "wire");

    [Fact]
    public void Pushes_figures_and_incidents_are_there()
    {
        Assert.Equal([16L, 15L], Events.Where(e => Text(e, "name").StartsWith("push, ", StringComparison.Ordinal) && Text(e, "ph") == "X")
            .Select(e => e.GetProperty("args").GetProperty("pages").GetInt64()));
        Assert.Equal(3, Events.Count(e => Text(e, "ph") == "C" && Text(e, "name") == FigureNames.Outstanding));
        JsonElement incident = Assert.Single(Events, e => Text(e, "ph") == "i");
        Assert.Equal(("SourceFailed", 30_000m), (Text(incident, "name"), incident.GetProperty("ts").GetDecimal()));
    }

    [Fact]
    public void Nanoseconds_are_kept()
    {
        JsonElement first = Events.First(e => Text(e, "name").StartsWith("fault, page", StringComparison.Ordinal));
        Assert.Equal((0.001m, 6m), (first.GetProperty("ts").GetDecimal(), first.GetProperty("dur").GetDecimal()));
    }

    private static JsonElement SliceAt(JsonElement e) => Events.First(
        s => Text(s, "ph") == "X" && TrackOf(s) == TrackOf(e) && s.GetProperty("ts").GetDecimal() <= e.GetProperty("ts").GetDecimal()
            && e.GetProperty("ts").GetDecimal() <= s.GetProperty("ts").GetDecimal() + s.GetProperty("dur").GetDecimal());

    private static JsonElement[] Read(RunHistory run, bool isRemote)
    {
        using JsonDocument document = JsonDocument.Parse(TraceEvents.Of(run, "test", isRemote));
        return [.. document.RootElement.GetProperty("traceEvents").EnumerateArray().Select(e => e.Clone())];
    }

    private static (int, int) TrackOf(JsonElement e) => (e.GetProperty("pid").GetInt32(), e.GetProperty("tid").GetInt32());

    private static string Text(JsonElement e, string name) => e.TryGetProperty(name, out JsonElement value) ? value.GetString()! : "";
}
