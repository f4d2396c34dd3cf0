using UffdActors.Conformance.Programs;

namespace UffdActors.Conformance.Generation;

/// <summary>Class of a generated program: how often each operation comes, and which features are asked for.</summary>
/// <param name="Name">Name, as in the recorded traces.</param>
/// <param name="Features">Feature bits that are asked for at random.</param>
/// <param name="Contexts">Contexts at the start.</param>
/// <param name="Weights">Operations and how often each comes; the first is the simplest.</param>
internal sealed record ProgramClass(string Name, UffdFeatures Features, int Contexts, IReadOnlyList<(ProgramOp Op, int Weight)> Weights)
{
    private const UffdFeatures Plain = UffdFeatures.ThreadId | UffdFeatures.ExactAddress | UffdFeatures.WpUnpopulated;

    /// <summary>Fills and page states in one or two areas.</summary>
    public static ProgramClass Pages { get; } = new(
        "pages",
        Plain | UffdFeatures.Sigbus | UffdFeatures.WpAsync,
        1,
        [
            (ProgramOp.Access, 83), (ProgramOp.Madvise, 39), (ProgramOp.Copy, 35), (ProgramOp.Writeprotect, 22), (ProgramOp.Continue, 19),
            (ProgramOp.Register, 10), (ProgramOp.Wake, 17), (ProgramOp.Zeropage, 15), (ProgramOp.Fwrite, 10), (ProgramOp.Read, 12),
            (ProgramOp.Mmap, 4), (ProgramOp.Move, 8), (ProgramOp.Punch, 8), (ProgramOp.Poison, 8), (ProgramOp.Unregister, 5),
            (ProgramOp.Fallocate, 5), (ProgramOp.Poll, 3), (ProgramOp.Truncate, 4), (ProgramOp.Mprotect, 2), (ProgramOp.Close, 1),
            (ProgramOp.Open, 1),
        ]);

    /// <summary>Mappings that come, go and move, under two contexts.</summary>
    public static ProgramClass Maps { get; } = new(
        "vma",
        Plain,
        2,
        [
            (ProgramOp.Access, 43), (ProgramOp.Register, 60), (ProgramOp.Mmap, 45), (ProgramOp.Unregister, 28), (ProgramOp.Mremap, 21),
            (ProgramOp.Munmap, 18), (ProgramOp.Mprotect, 17), (ProgramOp.Copy, 17), (ProgramOp.Writeprotect, 13), (ProgramOp.Wake, 9),
            (ProgramOp.Madvise, 9), (ProgramOp.Zeropage, 8), (ProgramOp.Continue, 5), (ProgramOp.Truncate, 3), (ProgramOp.Move, 3),
            (ProgramOp.Fallocate, 3), (ProgramOp.Read, 3), (ProgramOp.Poll, 2), (ProgramOp.Dup, 2), (ProgramOp.Punch, 2),
            (ProgramOp.Poison, 2), (ProgramOp.Fwrite, 3), (ProgramOp.Close, 2), (ProgramOp.Open, 2),
        ]);

    /// <summary>Many threads, reads, wake-ups, signals.</summary>
    public static ProgramClass Delivery { get; } = new(
        "delivery",
        Plain,
        2,
        [
            (ProgramOp.Access, 80), (ProgramOp.Copy, 42), (ProgramOp.Wake, 34), (ProgramOp.Read, 23), (ProgramOp.Madvise, 23),
            (ProgramOp.Writeprotect, 18), (ProgramOp.Zeropage, 18), (ProgramOp.Continue, 12), (ProgramOp.Register, 8), (ProgramOp.Poll, 9),
            (ProgramOp.Signal, 7), (ProgramOp.Fwrite, 3), (ProgramOp.Poison, 5), (ProgramOp.Punch, 4), (ProgramOp.Dup, 4),
            (ProgramOp.Close, 4), (ProgramOp.Open, 4), (ProgramOp.Unregister, 3), (ProgramOp.Munmap, 2), (ProgramOp.Move, 1),
        ]);

    /// <summary>Non-cooperative events, and children.</summary>
    public static ProgramClass Events { get; } = new(
        "events",
        Plain | UffdFeatures.Events,
        1,
        [
            (ProgramOp.Access, 49), (ProgramOp.Read, 51), (ProgramOp.Madvise, 33), (ProgramOp.Register, 22), (ProgramOp.Copy, 24),
            (ProgramOp.Mmap, 12), (ProgramOp.Mremap, 15), (ProgramOp.Writeprotect, 13), (ProgramOp.Munmap, 12), (ProgramOp.Wake, 11),
            (ProgramOp.Zeropage, 8), (ProgramOp.Continue, 8), (ProgramOp.Poll, 7), (ProgramOp.Fork, 8), (ProgramOp.Exit, 4),
            (ProgramOp.Unregister, 6), (ProgramOp.Poison, 4), (ProgramOp.Mprotect, 4), (ProgramOp.Punch, 3), (ProgramOp.Truncate, 3),
            (ProgramOp.Move, 3), (ProgramOp.Fallocate, 2), (ProgramOp.Fwrite, 3), (ProgramOp.Close, 2), (ProgramOp.Open, 2),
            (ProgramOp.Signal, 2), (ProgramOp.Dup, 1),
        ]);

    /// <summary>Arguments around what is valid, bad pointers, repeated handshakes.</summary>
    public static ProgramClass Arguments { get; } = new(
        "args",
        UffdFeatures.All & ~UffdFeatures.Events & ~UffdFeatures.WpAsync & ~UffdFeatures.Sigbus,
        1,
        [
            (ProgramOp.Access, 33), (ProgramOp.Register, 50), (ProgramOp.Copy, 43), (ProgramOp.Api, 20), (ProgramOp.Move, 30),
            (ProgramOp.Writeprotect, 22), (ProgramOp.Continue, 22), (ProgramOp.Read, 21), (ProgramOp.Zeropage, 21), (ProgramOp.Open, 10),
            (ProgramOp.Wake, 20), (ProgramOp.Close, 8), (ProgramOp.Mmap, 8), (ProgramOp.Unregister, 18), (ProgramOp.Poison, 17),
            (ProgramOp.Fwrite, 2), (ProgramOp.Poll, 3), (ProgramOp.Munmap, 3), (ProgramOp.Dup, 3), (ProgramOp.Punch, 3),
            (ProgramOp.Madvise, 3), (ProgramOp.Mprotect, 2), (ProgramOp.Fallocate, 1),
        ]);

    /// <summary>Calls over ranges in which threads sleep, and which stop half-way: at a page that is there, or at a hole.</summary>
    public static ProgramClass Partial { get; } = new(
        "partial",
        Plain,
        1,
        [
            (ProgramOp.Access, 80), (ProgramOp.Copy, 30), (ProgramOp.Move, 40), (ProgramOp.Writeprotect, 40), (ProgramOp.Zeropage, 20),
            (ProgramOp.Continue, 16), (ProgramOp.Madvise, 20), (ProgramOp.Poison, 6), (ProgramOp.Register, 12), (ProgramOp.Fwrite, 8),
            (ProgramOp.Read, 6), (ProgramOp.Wake, 4), (ProgramOp.Mmap, 4), (ProgramOp.Unregister, 3), (ProgramOp.Punch, 3),
        ]);

    /// <summary>All classes.</summary>
    public static IReadOnlyList<ProgramClass> All { get; } = [Pages, Maps, Delivery, Events, Arguments, Partial];

    /// <summary>True if the ranges of calls are chosen so that they hold pages on which threads sleep.</summary>
    public bool SeeksSleepers => ReferenceEquals(this, Partial);

    /// <summary>True if arguments and pointers are made invalid at random.</summary>
    public bool Fuzzes => ReferenceEquals(this, Arguments);

    /// <summary>Draws an operation.</summary>
    internal ProgramOp Draw(Choices choices)
    {
        int at = choices.Next(Weights.Sum(w => w.Weight));
        foreach ((ProgramOp op, int weight) in Weights)
        {
            if (at < weight) return op;
            at -= weight;
        }

        return Weights[0].Op;
    }
}
