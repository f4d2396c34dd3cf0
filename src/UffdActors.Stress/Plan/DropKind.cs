namespace UffdActors.Stress.Plan;

/// <summary>How pages are taken away from the guest.</summary>
internal enum DropKind
{
    /// <summary>Between laps, while no vCPU runs: they come back from the source.</summary>
    BetweenLaps,

    /// <summary>Under the guest, announced by REMOVE events: they come back as zeros, never as what they held.</summary>
    Announced,

    /// <summary>Under the guest, from the mapping only: the page cache keeps them, and they come back as they were.</summary>
    FromMapping,
}
