namespace UffdActors.Explore.Campaigns;

/// <summary>Result of exploring one scenario.</summary>
/// <param name="Scenario">Its name.</param>
/// <param name="Schedules">Schedules made.</param>
/// <param name="Steps">Steps of all of them.</param>
/// <param name="Distinct">Different trace hashes; counted up to a limit.</param>
/// <param name="IsComplete">True if there are no other schedules.</param>
/// <param name="IsSaturated">True if the second half of the schedules showed no new trace hash and no new pair.</param>
/// <param name="Coverage">What was reached.</param>
/// <param name="Finding">The first violation; exploring the scenario ends with it.</param>
/// <param name="Elapsed">Time it took.</param>
internal sealed record ScenarioReport(
    string Scenario,
    long Schedules,
    long Steps,
    long Distinct,
    bool IsComplete,
    bool IsSaturated,
    CoverageReport Coverage,
    Finding? Finding,
    TimeSpan Elapsed)
{
    /// <summary>True if every thread had to finish: liveness mode.</summary>
    public bool MustFinish { get; init; }

    /// <summary>One hash over the trace hashes of all schedules, in order.</summary>
    public string Digest { get; init; } = "";
}
