namespace UffdActors.Bench;

/// <summary>One row of the table: a dispatcher and a number of vCPUs.</summary>
internal sealed record BenchCell(string Dispatcher, int Vcpus, double MessagesPerFault)
{
    /// <summary>Actors of the empty ring beside it.</summary>
    public int Hops => Math.Max(1, (int)Math.Round(MessagesPerFault));

    /// <summary>What was measured, repeat by repeat.</summary>
    public List<RepeatSample> Samples { get; } = [];
}
