namespace UffdActors.Stress.Vcpus;

/// <summary>What a vCPU does to a page.</summary>
internal enum VisitKind
{
    /// <summary>A read of a word that is never written, without the lock: a read fault.</summary>
    Peek,

    /// <summary>Lock, all checks, unlock.</summary>
    Look,

    /// <summary>Lock, all checks, one increment of every counter, unlock.</summary>
    Increment,
}
