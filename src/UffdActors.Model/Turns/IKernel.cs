namespace UffdActors.Model.Turns;

/// <summary>
/// What runs operations until all is quiet: the sequential kernel, or actors on one thread. Programs and comparisons are written
/// against this.
/// </summary>
internal interface IKernel
{
    /// <summary>Called in the turn in which an operation's result becomes known.</summary>
    event Action<Operation>? Finished;

    /// <summary>Lets an owner take part.</summary>
    T Attach<T>(T owner)
        where T : Owner;

    /// <summary>Queues a call, to begin in a turn of its caller.</summary>
    void Submit(Operation operation);

    /// <summary>Runs until nothing is due: every operation is finished or asleep.</summary>
    void Run();
}
