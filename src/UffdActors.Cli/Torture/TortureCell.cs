using System.Diagnostics;

namespace UffdActors.Cli.Torture;

/// <summary>A migration, and what happens to it.</summary>
/// <param name="Moment">When.</param>
/// <param name="Disruption">What.</param>
/// <param name="SendOptions">Options of the sending end.</param>
/// <param name="Disruptions">The same for the relay.</param>
/// <param name="IsOfMoment">The moment is one of <see cref="Torture.Moment"/>, and has to come.</param>
internal sealed record TortureCell(
    string Moment, string Disruption, IReadOnlyList<string> SendOptions, IReadOnlyList<Injection> Disruptions, bool IsOfMoment)
{
    private static readonly string[] Copies = ["--precopy-rounds", "2"];

    /// <summary>Nothing happens.</summary>
    public static TortureCell Undisturbed { get; } = new("none", "none", [], [], IsOfMoment: false);

    /// <summary>Every disruption at every moment.</summary>
    public static IReadOnlyList<TortureCell> All { get; } =
    [
        .. from moment in Torture.Moment.All
           from disruption in Enum.GetValues<Disruption>()
           select new TortureCell(
               moment.Name, NameOf(disruption), moment.CopiesFirst ? Copies : [], moment.Disruptions(disruption), IsOfMoment: true),
    ];

    /// <summary>What it is called.</summary>
    public string Name => $"{Moment}: {Disruption}";

    /// <summary>Disruptions at random moments, for a while; the same seed gives the same ones.</summary>
    public static IEnumerable<TortureCell> Random(ulong seed, TimeSpan time)
    {
        Stopwatch watch = Stopwatch.StartNew();
        for (ulong next = seed; watch.Elapsed < time; next++)
        {
            RandomPlan plan = RandomPlan.Draw(next);
            string disruptions = plan.Disruptions.Count == 0
                ? "none"
                : string.Join(", ", plan.Disruptions.Select(i => NameOf(i.Disruption)));
            yield return new TortureCell(
                FormattableString.Invariant($"seed {next}"), disruptions, plan.SendOptions, plan.Disruptions, IsOfMoment: false);
        }
    }

    /// <summary>A moment that did not occur proves nothing; a random disruption may come too late.</summary>
    public TortureResult Judge(TortureResult result) => IsOfMoment && result.Flaw is null && result.Disruptions < Disruptions.Count
        ? result with { Verdict = null, Flaw = "the moment has not come" }
        : result;

    /// <summary>A disruption's name.</summary>
    public static string NameOf(Disruption disruption) => disruption switch
    {
        Torture.Disruption.Cut => "cut",
        Torture.Disruption.CutInFrame => "cut in a frame",
        Torture.Disruption.StopSource => "stop source",
        Torture.Disruption.StopDestination => "stop destination",
        Torture.Disruption.KillSource => "kill source",
        _ => "kill destination",
    };
}
