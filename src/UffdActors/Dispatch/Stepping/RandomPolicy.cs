namespace UffdActors.Dispatch.Stepping;

/// <summary>Any mailbox with equal chance, from a seed.</summary>
internal sealed class RandomPolicy : ISteppedPolicy
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
