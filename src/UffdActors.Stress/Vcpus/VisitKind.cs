namespace UffdActors.Stress.Vcpus;

/// <summary>What a vCPU does to a page.</summary>
internal enum VisitKind
{
    /// <summary>A read of a word that is never written, without the lock: a read fault.</summary>
    Peek,

    /// <summary>The lock, all checks, and the lock back.</summary>
    Look,

    /// <summary>The lock, all checks, one increment everywhere, and the lock back.</summary>
    Increment,
}
