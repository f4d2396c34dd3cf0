namespace UffdActors.Bench;

/// <summary>How faults are resolved.</summary>
internal enum BenchMode
{
    /// <summary>Anonymous memory, UFFDIO_COPY.</summary>
    Missing,

    /// <summary>shmem whose page cache is full, UFFDIO_CONTINUE.</summary>
    Minor,
}
