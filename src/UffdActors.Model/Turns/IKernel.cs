namespace UffdActors.Model.Turns;

/// <summary>
/// Runs operations until none is due: the sequential kernel, or actors on one thread. Programs and comparisons use this interface.
/// </summary>
internal interface IKernel
{
    /// <summary>Called in the turn in which an operation's result becomes known.</summary>
    event Action<Operation>? Finished;

    /// <summary>Attaches an owner.</summary>
    T Attach<T>(T owner)
        where T : Owner;

    /// <summary>Queues a call, to begin in a turn of its caller.</summary>
    void Submit(Operation operation);

    /// <summary>Runs until nothing is due: every operation is finished or asleep.</summary>
    void Run();
}
