namespace UffdActors.Dispatch.Stepping;

/// <summary>The mailbox that has been runnable longest.</summary>
internal sealed class FifoPolicy : ISteppedPolicy
{
    /// <inheritdoc />
    public int Choose(IReadOnlyList<SteppedTask> ready) => 0;
}
