namespace UffdActors.Dispatch.Stepping;

/// <summary>Chooses the next runnable mailbox.</summary>
internal interface ISteppedPolicy
{
    /// <summary>Index of the choice.</summary>
    /// <param name="ready">The runnable mailboxes, oldest first; not empty.</param>
    int Choose(IReadOnlyList<SteppedTask> ready);
}
