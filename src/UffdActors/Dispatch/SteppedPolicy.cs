namespace UffdActors.Dispatch;

/// <summary>Chooses the next runnable mailbox.</summary>
public interface ISteppedPolicy
{
    /// <summary>Index of the choice.</summary>
    /// <param name="ready">The runnable mailboxes, oldest first; not empty.</param>
    int Choose(IReadOnlyList<SteppedTask> ready);
}

/// <summary>The mailbox that has been runnable longest.</summary>
public sealed class FifoPolicy : ISteppedPolicy
{
    /// <inheritdoc />
    public int Choose(IReadOnlyList<SteppedTask> ready) => 0;
}

/// <summary>
/// The mailbox whose next message has the lowest rank, the oldest among equals: one CPU with strict priorities, as programs are recorded.
/// </summary>
public sealed class PriorityPolicy : ISteppedPolicy
{
    /// <inheritdoc />
    public int Choose(IReadOnlyList<SteppedTask> ready)
    {
        ArgumentNullException.ThrowIfNull(ready);
        int best = 0;
        int rank = ready[0].Rank;
        for (int i = 1; i < ready.Count && rank >= 0; i++)
        {
            int candidate = ready[i].Rank;
            if (candidate >= rank) continue;
            best = i;
            rank = candidate;
        }

        return best;
    }
}

/// <summary>Any mailbox with equal chance, from a seed.</summary>
public sealed class RandomPolicy : ISteppedPolicy
{
    private ulong _state;

    /// <summary>Makes the policy.</summary>
    public RandomPolicy(ulong seed) => _state = seed;

    /// <inheritdoc />
    public int Choose(IReadOnlyList<SteppedTask> ready)
    {
        ArgumentNullException.ThrowIfNull(ready);
        return ready.Count == 1 ? 0 : (int)(SplitMix.Next(ref _state) % (ulong)ready.Count);
    }
}

/// <summary>SplitMix64: small, seeded, the same everywhere and for ever.</summary>
internal static class SplitMix
{
    public static ulong Next(ref ulong state)
    {
        ulong z = state += 0x9E37_79B9_7F4A_7C15;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }
}
