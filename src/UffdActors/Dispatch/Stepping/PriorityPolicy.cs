namespace UffdActors.Dispatch.Stepping;

/// <summary>
/// The mailbox whose next message has the lowest rank, the oldest among equals: one CPU with strict priorities, as programs are recorded.
/// </summary>
internal sealed class PriorityPolicy : ISteppedPolicy
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
