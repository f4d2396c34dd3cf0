namespace UffdActors.Dispatch.Stepping;

/// <summary>The mailbox that has been runnable longest.</summary>
public sealed class FifoPolicy : ISteppedPolicy
{
    /// <inheritdoc />
    public int Choose(IReadOnlyList<SteppedTask> ready) => 0;
}
