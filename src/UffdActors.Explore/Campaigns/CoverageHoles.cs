using UffdActors.Explore.Faults;
using UffdActors.Explore.Scenarios;
using UffdActors.Model.Mapping;

namespace UffdActors.Explore.Campaigns;

/// <summary>
/// What a set of scenarios has not reached together: each message of the ring about a page in each state of a page, and each fault point in
/// each outcome.
/// </summary>
internal static class CoverageHoles
{
    private const string Reachable = "not met in so many schedules; explore longer, or with another seed";

    private static readonly string[] Messages = ["Access", "Fill", "PageRequest"];

    /// <summary>The holes.</summary>
    public static IReadOnlyList<CoverageHole> Of(IReadOnlyList<Scenario> scenarios, IEnumerable<CoverageReport> reports)
    {
        HashSet<(string, string)> reached = [];
        foreach (CoverageReport report in reports)
        {
            reached.UnionWith(report.Pairs.Keys);
            reached.UnionWith(report.Faults.Where(f => f.Value > 0).Select(f => f.Key));
        }

        List<CoverageHole> holes = [];
        foreach (string message in Messages)
        {
            foreach (EntryKind state in Enum.GetValues<EntryKind>())
            {
                if (!reached.Contains((message, state.ToString())))
                    holes.Add(new CoverageHole($"{message} met no page that is {state}", ReasonOf(message, state, scenarios)));
            }
        }

        foreach (FaultPoint point in FaultPoints.All)
        {
            string name = FaultPoints.NameOf(point);
            string reason = scenarios.Any(s => s.Faults.Contains(point)) ? Reachable : "no explored scenario allows it";
            if (!reached.Contains((name, "happened"))) holes.Add(new CoverageHole($"{name} never happened", reason));
            if (!reached.Contains((name, "passed"))) holes.Add(new CoverageHole($"{name} was never passed", reason));
        }

        return holes;
    }

    private static string ReasonOf(string message, EntryKind state, IReadOnlyList<Scenario> scenarios)
    {
        if (message == "PageRequest" && !scenarios.Any(s => s.Contexts.Any(c => c.Handlers > 0)))
            return "no explored scenario has handlers";
        bool can = state switch
        {
            EntryKind.Poison => scenarios.Any(s => s.Has(ActionKind.Poison)),
            EntryKind.WpMarker =>
                scenarios.Any(
                    s => s.Has(ActionKind.Protect)
                        && s.Contexts.Any(c => (c.Features & (UffdFeatures.WpUnpopulated | UffdFeatures.WpAsync)) != 0)),
            EntryKind.File =>
                scenarios.Any(s => s.Regions.Any(r => r.Memory is not (MemoryKind.Anonymous or MemoryKind.Nothing))),
            EntryKind.Anon or EntryKind.Zero =>
                scenarios.Any(s => s.Regions.Any(r => r.Memory is MemoryKind.Anonymous or MemoryKind.ShmemPrivate)),
            _ => true,
        };
        return can ? Reachable : $"no explored scenario makes a page {state}";
    }
}
