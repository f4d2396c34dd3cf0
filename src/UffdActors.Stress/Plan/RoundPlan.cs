using UffdActors.Model.Memory;

namespace UffdActors.Stress.Plan;

/// <summary>Plan of a round, drawn from the seed: some disturbances exclude each other, so no round has them all.</summary>
/// <param name="Number">Number, from 0.</param>
/// <param name="Seed">Its own seed.</param>
/// <param name="Drops">How pages are dropped.</param>
/// <param name="Handlers">Handlers.</param>
/// <param name="Pushes">The background push runs too.</param>
/// <param name="Protects">Pages are write-protected while the guest runs.</param>
/// <param name="Laps">Laps of the vCPUs.</param>
internal sealed record RoundPlan(int Number, ulong Seed, DropKind Drops, int Handlers, bool Pushes, bool Protects, int Laps)
{
    private const int MostLaps = 6;

    /// <summary>
    /// Handlers may crash. Not where pages are dropped between laps without an event: a fill left by a crashed handler belongs to no
    /// handler, so its end cannot be waited for.
    /// </summary>
    public bool Crashes => Drops != DropKind.BetweenLaps;

    /// <summary>Draws a round.</summary>
    public static RoundPlan Draw(StressOptions options, int number, bool canProtect)
    {
        ulong state = options.Seed + GoldenRatio.ShortHash((ulong)number);
        ulong seed = SplitMix.Next(ref state);
        DropKind[] drops = options switch
        {
            { Backend: null } => [DropKind.BetweenLaps, DropKind.Announced],
            // A hole under MINOR alone is filled with zeros by the kernel, so a page dropped there cannot come back from a source.
            { Mode: StressMode.Minor } => [DropKind.FromMapping, DropKind.Announced],
            _ => [DropKind.BetweenLaps, DropKind.Announced, DropKind.FromMapping],
        };
        DropKind drop = drops[number % drops.Length];
        return new RoundPlan(
            number, seed, drop, 1 + Below(options.Handlers), Below(2) == 0, canProtect && Below(2) == 0, 1 + Below(MostLaps));

        int Below(int limit) => (int)(SplitMix.Next(ref state) % (ulong)limit);
    }
}
