using UffdActors.Kvm.Programs;
using UffdActors.PostCopy;
using UffdActors.PostCopy.Wire;

namespace UffdActors.Cli.Torture;

/// <summary>
/// What a KVM guest does that goes back and forth between two processes: drawn from a seed, so both processes know it without a message.
/// </summary>
/// <param name="Plan">The guest.</param>
/// <param name="Seed">Seed of its memory.</param>
/// <param name="Moves">How often it moves before it runs to its end.</param>
internal sealed record ShuttleTrip(GuestPlan Plan, ulong Seed, IReadOnlyList<ShuttleMove> Moves)
{
    private const int MostMoves = 6;
    private const int MostVcpus = 4;
    private const int LeastPages = 64;
    private const int MostPages = 512;
    private const int LeastRounds = 40;
    private const int MostRounds = 400;
    private const int BalloonRounds = 4;
    private const int MostMicroseconds = 40_000;

    // Frames on which a link is cut, and how many of them pass at most. Not the last ones: a source that has sent its Bye is gone.
    private static readonly (MessageKind Kind, int Most)[] Kinds =
    [
        (MessageKind.Hello, 3), (MessageKind.Welcome, 3), (MessageKind.Offer, 2), (MessageKind.OfferTaken, 2), (MessageKind.Content, 3),
        (MessageKind.HandOver, 2), (MessageKind.Accepted, 2), (MessageKind.Request, 12), (MessageKind.Request, 4),
        (MessageKind.Answer, 16), (MessageKind.Answer, 8), (MessageKind.Answer, 3),
    ];

    /// <summary>The trip of a guest.</summary>
    /// <param name="seed">Seed of all trips.</param>
    /// <param name="number">Number of the guest.</param>
    public static ShuttleTrip Draw(ulong seed, int number)
    {
        ulong state = seed + ((ulong)number << 32);
        ProgramKind kind = (ProgramKind)Below(Enum.GetValues<ProgramKind>().Length);
        bool isLarge = Below(4) == 0;
        GuestPlan plan = new()
        {
            Kind = kind,
            Vcpus = 1 + Below(MostVcpus),
            LargePages = isLarge,
            MemoryBytes = GuestPlan.MemoryFor((long)(LeastPages + Below(MostPages - LeastPages)) << GuestPlan.PageShift, isLarge),
            // To give a page back costs as much as many visits.
            Rounds = kind == ProgramKind.Balloon ? BalloonRounds + Below(BalloonRounds) : LeastRounds + Below(MostRounds - LeastRounds),
        };
        ShuttleMove[] moves = new ShuttleMove[1 + Below(MostMoves)];
        for (int i = 0; i < moves.Length; i++)
        {
            int memory = Below(3);
            moves[i] = new ShuttleMove(
                TimeSpan.FromMicroseconds(Below(MostMicroseconds)),
                1 + Below(3),
                // Only memory that was made for it finds what the guest writes.
                i == 0 && Below(2) == 0 ? 1 + Below(2) : null,
                memory == 0 ? null : "shmem",
                memory == 2 ? PostCopyMode.Minor : PostCopyMode.Missing);
        }

        return new ShuttleTrip(plan, SplitMix.Next(ref state), moves);

        int Below(int limit) => (int)(SplitMix.Next(ref state) % (ulong)limit);
    }

    /// <summary>The disruptions on a relay between both processes: links are cut, on average more than one a migration.</summary>
    /// <param name="seed">Seed.</param>
    /// <param name="count">How many.</param>
    public static IReadOnlyList<Injection> Cuts(ulong seed, int count)
    {
        ulong state = seed;
        Injection[] disruptions = new Injection[count];
        for (int i = 0; i < count; i++)
        {
            (MessageKind kind, int most) = Kinds[Below(Kinds.Length)];
            Disruption cut = Below(3) == 0 ? Disruption.CutInFrame : Disruption.Cut;
            disruptions[i] = new Injection(cut, kind, 1 + Below(most), Arrives: Below(2) == 0);
        }

        return disruptions;

        int Below(int limit) => (int)(SplitMix.Next(ref state) % (ulong)limit);
    }
}
