namespace UffdActors.Stress.Plan;

/// <summary>How pages of the guest are dropped.</summary>
internal enum DropKind
{
    /// <summary>Between laps, while no vCPU runs: they come back from the source.</summary>
    BetweenLaps,

    /// <summary>While the guest runs, announced by REMOVE events: they come back as zeros, never with their former content.</summary>
    Announced,

    /// <summary>While the guest runs, from the mapping only: the page cache keeps them, and they come back unchanged.</summary>
    FromMapping,
}
