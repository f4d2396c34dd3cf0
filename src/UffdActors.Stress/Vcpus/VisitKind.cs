namespace UffdActors.Stress.Vcpus;

/// <summary>What a vCPU wants from a page.</summary>
internal enum VisitKind
{
    /// <summary>A look at a word that nobody writes, without the lock: a read fault.</summary>
    Peek,

    /// <summary>The lock, all checks, and the lock back.</summary>
    Look,

    /// <summary>The lock, all checks, one increment everywhere, and the lock back.</summary>
    Increment,
}
