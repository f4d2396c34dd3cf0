namespace UffdActors.Bench.Live;

/// <summary>A number of vCPUs, and its measurements.</summary>
internal sealed record LiveCell(int Vcpus)
{
    /// <summary>Repeat by repeat.</summary>
    public List<LiveRepeat> Repeats { get; } = [];
}
