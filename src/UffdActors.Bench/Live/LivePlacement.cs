namespace UffdActors.Bench.Live;

/// <summary>Where threads run.</summary>
internal enum LivePlacement
{
    /// <summary>The loop and all vCPUs on one CPU.</summary>
    Same,

    /// <summary>The loop on one CPU, all vCPUs on another.</summary>
    Split,
}
