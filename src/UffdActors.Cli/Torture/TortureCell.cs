using System.Diagnostics;

namespace UffdActors.Cli.Torture;

/// <summary>A migration, and what happens to it.</summary>
/// <param name="Moment">When.</param>
/// <param name="Strike">What.</param>
/// <param name="SendOptions">Options of the sending end.</param>
/// <param name="Blows">The same for the relay.</param>
/// <param name="IsOfMoment">The moment is one of <see cref="Torture.Moment"/>, and has to come.</param>
internal sealed record TortureCell(
    string Moment, string Strike, IReadOnlyList<string> SendOptions, IReadOnlyList<Blow> Blows, bool IsOfMoment)
{
    private static readonly string[] Copies = ["--precopy-rounds", "2"];

    /// <summary>Nothing happens.</summary>
    public static TortureCell Undisturbed { get; } = new("none", "none", [], [], IsOfMoment: false);

    /// <summary>Every strike at every moment.</summary>
    public static IReadOnlyList<TortureCell> All { get; } =
    [
        .. from moment in Torture.Moment.All
           from strike in Enum.GetValues<Strike>()
           select new TortureCell(moment.Name, NameOf(strike), moment.CopiesFirst ? Copies : [], moment.Blows(strike), IsOfMoment: true),
    ];

    /// <summary>What it is called.</summary>
    public string Name => $"{Moment}: {Strike}";

    /// <summary>Strikes at random moments, for a while; the same seed gives the same ones.</summary>
    public static IEnumerable<TortureCell> Random(ulong seed, TimeSpan time)
    {
        Stopwatch watch = Stopwatch.StartNew();
        for (ulong next = seed; watch.Elapsed < time; next++)
        {
            RandomPlan plan = RandomPlan.Draw(next);
            string strikes = plan.Blows.Count == 0 ? "none" : string.Join(", ", plan.Blows.Select(b => NameOf(b.Strike)));
            yield return new TortureCell(
                FormattableString.Invariant($"seed {next}"), strikes, plan.SendOptions, plan.Blows, IsOfMoment: false);
        }
    }

    /// <summary>What was not exercised proves nothing; random strikes may come too late.</summary>
    public TortureResult Judge(TortureResult result) => IsOfMoment && result.Flaw is null && result.Blows < Blows.Count
        ? result with { Verdict = null, Flaw = "the moment has not come" }
        : result;

    /// <summary>A strike's name.</summary>
    public static string NameOf(Strike strike) => strike switch
    {
        Torture.Strike.Cut => "cut",
        Torture.Strike.CutInFrame => "cut in a frame",
        Torture.Strike.StopSource => "stop source",
        Torture.Strike.StopDestination => "stop destination",
        Torture.Strike.KillSource => "kill source",
        _ => "kill destination",
    };
}
