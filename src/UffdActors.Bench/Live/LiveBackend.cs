namespace UffdActors.Bench.Live;

/// <summary>Memory of the guest.</summary>
internal enum LiveBackend
{
    /// <summary>Private anonymous memory.</summary>
    Anon,

    /// <summary>A shared memfd.</summary>
    Shmem,
}
