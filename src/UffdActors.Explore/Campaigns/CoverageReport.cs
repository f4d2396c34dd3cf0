using UffdActors.Explore.Faults;
using UffdActors.Explore.Scenes;
using UffdActors.Model.Mapping;

namespace UffdActors.Explore.Campaigns;

/// <summary>
/// What the runs of a scenario have reached: pairs of message and page state, and of fault point and outcome, with counts.
/// </summary>
internal sealed class CoverageReport
{
    private static readonly string[] StateNames = [.. Enum.GetNames<EntryKind>(), "-"];

    /// <summary>Message and page state; the state is "-" where the message is about no page.</summary>
    public SortedDictionary<(string Message, string State), long> Pairs { get; } = [];

    /// <summary>Fault point and outcome.</summary>
    public SortedDictionary<(string Point, string Outcome), long> Faults { get; } = [];

    /// <summary>Pairs that were reached.</summary>
    public int Reached => Pairs.Count + Faults.Count(f => f.Value > 0);

    /// <summary>Fault points that the scenario allows and no run has fired, and messages about pages that met one state only.</summary>
    public IReadOnlyList<string> Holes =>
    [
        .. Faults.Where(f => f.Value == 0).Select(f => $"{f.Key.Point} never {f.Key.Outcome}"),
        .. Pairs.Keys.Where(k => k.State != "-").GroupBy(k => k.Message).Where(g => g.Count() == 1)
            .Select(g => $"{g.Key} met only {g.First().State}"),
    ];

    /// <summary>The same, and what the runs of a host have reached.</summary>
    public CoverageReport With(RunHost host)
    {
        CoverageReport sum = new();
        foreach (((string, string) key, long count) in Pairs) sum.Pairs[key] = count;
        foreach (((string, string) key, long count) in Faults) sum.Faults[key] = count;
        for (int message = 0; message < host.Names.Count; message++)
        {
            for (int state = 0; state < Coverage.States; state++)
            {
                long count = host.Coverage.Of(message, state);
                if (count > 0)
                    sum.Pairs[(host.Names[message], StateNames[state])] =
                        sum.Pairs.GetValueOrDefault((host.Names[message], StateNames[state])) + count;
            }
        }

        foreach (FaultPoint point in host.Scenario.Faults)
        {
            foreach (FaultOutcome outcome in Enum.GetValues<FaultOutcome>())
            {
                (string, string) key = (FaultPoints.NameOf(point), outcome == FaultOutcome.Happened ? "happened" : "passed");
                sum.Faults[key] = sum.Faults.GetValueOrDefault(key) + host.Faults.Outcomes[(int)point, (int)outcome];
            }
        }

        return sum;
    }
}
