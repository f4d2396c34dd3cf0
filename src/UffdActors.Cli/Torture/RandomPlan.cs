namespace UffdActors.Cli.Torture;

/// <summary>What happens to a migration whose cell is not chosen: drawn from a seed.</summary>
/// <param name="SendOptions">Options of the sending end.</param>
/// <param name="Blows">What happens; one that kills is the last.</param>
internal sealed record RandomPlan(IReadOnlyList<string> SendOptions, IReadOnlyList<Blow> Blows)
{
    private const int MostBlows = 5;
    private const int LatestFrame = 60;

    /// <summary>Draws one.</summary>
    public static RandomPlan Draw(ulong seed)
    {
        ulong state = seed;
        List<string> options = ["--channels", $"{1 + Below(3)}"];
        if (Below(2) == 0) options.AddRange(["--precopy-rounds", Below(2) == 0 ? "auto" : $"{1 + Below(3)}"]);
        List<Blow> blows = [];
        for (int left = Below(MostBlows + 1); left > 0; left--) blows.Add(Draw(Strike.Cut + Below((int)Strike.StopDestination + 1)));
        if (Below(3) == 0) blows.Add(Draw(Strike.KillSource + Below(2)));
        return new RandomPlan(options, blows);

        Blow Draw(Strike strike) => new(strike, null, 1 + Below(LatestFrame), Arrives: Below(2) == 0);

        int Below(int limit) => (int)(SplitMix.Next(ref state) % (ulong)limit);
    }
}
