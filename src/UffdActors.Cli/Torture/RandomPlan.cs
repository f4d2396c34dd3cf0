namespace UffdActors.Cli.Torture;

/// <summary>What happens to a migration whose cell is not chosen: drawn from a seed.</summary>
/// <param name="SendOptions">Options of the sending end.</param>
/// <param name="Disruptions">What happens; one that kills is the last.</param>
internal sealed record RandomPlan(IReadOnlyList<string> SendOptions, IReadOnlyList<Injection> Disruptions)
{
    private const int MostDisruptions = 5;
    private const int LatestFrame = 60;

    /// <summary>Draws one.</summary>
    public static RandomPlan Draw(ulong seed)
    {
        ulong state = seed;
        List<string> options = ["--channels", $"{1 + Below(3)}"];
        if (Below(2) == 0) options.AddRange(["--precopy-rounds", Below(2) == 0 ? "auto" : $"{1 + Below(3)}"]);
        List<Injection> disruptions = [];
        for (int left = Below(MostDisruptions + 1); left > 0; left--)
            disruptions.Add(Draw(Disruption.Cut + Below((int)Disruption.StopDestination + 1)));
        if (Below(3) == 0) disruptions.Add(Draw(Disruption.KillSource + Below(2)));
        return new RandomPlan(options, disruptions);

        Injection Draw(Disruption disruption) => new(disruption, null, 1 + Below(LatestFrame), Arrives: Below(2) == 0);

        int Below(int limit) => (int)(SplitMix.Next(ref state) % (ulong)limit);
    }
}
