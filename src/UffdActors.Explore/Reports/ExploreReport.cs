using System.Text.Json;
using System.Text.Json.Nodes;
using UffdActors.Explore.Mutants;

namespace UffdActors.Explore.Reports;

/// <summary>What an exploration came to, for machines and for people.</summary>
internal sealed record ExploreReport(
    ulong Seed, string Policy, IReadOnlyList<ScenarioReport> Scenarios, IReadOnlyList<MutantReport> Mutants)
{
    private const int Version = 1;
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true };

    /// <summary>True if nothing was broken, and every mutant was found.</summary>
    public bool IsClean => Scenarios.All(s => s.Finding is null) && Mutants.All(m => m.Finding is not null);

    /// <summary>It was stopped before it was through: it holds what there was by then.</summary>
    public bool IsInterrupted { get; init; }

    /// <summary>What the scenarios have not reached together.</summary>
    public IReadOnlyList<CoverageHole> Holes { get; init; } = [];

    /// <summary>Schedules of all scenarios.</summary>
    public long Schedules => Scenarios.Sum(s => s.Schedules);

    /// <summary>The report as a JSON document; the fields are documented in the README.</summary>
    public string ToJson() => new JsonObject
    {
        ["version"] = Version,
        ["kind"] = "uffd-explore",
        ["seed"] = Seed,
        ["policy"] = Policy,
        ["clean"] = IsClean,
        ["interrupted"] = IsInterrupted,
        ["scenarios"] = new JsonArray([.. Scenarios.Select(Of)]),
        ["holes"] = new JsonArray([.. Holes.Select(h => (JsonNode)new JsonObject { ["what"] = h.What, ["reason"] = h.Reason })]),
        ["mutants"] = new JsonArray([.. Mutants.Select(Of)]),
    }.ToJsonString(Json);

    private static JsonObject Of(ScenarioReport report) => new()
    {
        ["name"] = report.Scenario,
        ["mode"] = report.MustFinish ? "liveness" : "safety",
        ["schedules"] = report.Schedules,
        ["steps"] = report.Steps,
        ["distinctTraces"] = report.Distinct,
        ["traceDigest"] = report.Digest,
        ["complete"] = report.IsComplete,
        ["saturated"] = report.IsSaturated,
        ["elapsedMs"] = (long)report.Elapsed.TotalMilliseconds,
        ["reached"] = new JsonArray([.. report.Coverage.Pairs.Select(p => Pair("message", p.Key.Message, "page", p.Key.State, p.Value))]),
        ["faults"] = new JsonArray([.. report.Coverage.Faults.Select(p => Pair("point", p.Key.Point, "outcome", p.Key.Outcome, p.Value))]),
        ["holes"] = new JsonArray([.. report.Coverage.Holes.Select(h => (JsonNode)h)]),
        ["violation"] = report.Finding is { } finding ? Of(finding) : null,
    };

    private static JsonObject Of(MutantReport report) => new()
    {
        ["name"] = report.Mutant.Name,
        ["rule"] = report.Mutant.Rule,
        ["bug"] = report.Mutant.Bug,
        ["found"] = report.Finding is not null,
        ["schedules"] = report.Schedules,
        ["violation"] = report.Finding is { } finding ? Of(finding) : null,
    };

    private static JsonObject Of(Finding finding) => new()
    {
        ["scenario"] = finding.Scenario.Name,
        ["invariant"] = finding.Violation.Invariant,
        ["sentence"] = finding.Violation.Sentence,
        ["policy"] = finding.Policy,
        ["schedules"] = finding.Schedules,
        ["steps"] = finding.Steps,
        ["traceHash"] = finding.Hash,
    };

    private static JsonObject Pair(string firstName, string first, string secondName, string second, long count) =>
        new JsonObject { [firstName] = first, [secondName] = second, ["count"] = count };
}
