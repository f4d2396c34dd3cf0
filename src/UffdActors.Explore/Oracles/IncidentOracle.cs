using UffdActors.Explore.Faults;
using UffdActors.Model.Mapping;

namespace UffdActors.Explore.Oracles;

/// <summary>At the end: incidents report wrong answers of a page source, and every exception of a hook.</summary>
internal sealed class IncidentOracle(RunRecord record) : Oracle(record)
{
    /// <inheritdoc />
    public override void AtRest(int step, IReadOnlyList<AddressSpace> children)
    {
        // One incident is enough: an answer to an order that was repeated meanwhile is dropped without a report.
        if (FaultPoints.WrongAnswers.Any(p => Host.Faults.HappenedAt(p) > 0) && Record.Incidents.Count(IncidentKind.WrongAnswer) == 0)
            Fail("wrong-answers-are-told", "a page source has given a wrong answer, and no incident reports it", step);
        if (Host.Faults.HappenedAt(FaultPoint.HookThrow) is var thrown and > 0
            && Record.Incidents.Count(IncidentKind.HookFailed) is var told && told < thrown)
            Fail("hook-failures-are-told", $"the hook has thrown {thrown} times, and {told} incidents report it", step);
    }
}
