namespace UffdActors.Bench;

/// <summary>What the guest's pages are made of.</summary>
internal enum BenchContent
{
    /// <summary>A stamp a page: no bytes are moved, so the machinery alone is measured.</summary>
    Phantom,

    /// <summary>Real bytes: every missing page is copied from an image in memory.</summary>
    Bytes,
}
