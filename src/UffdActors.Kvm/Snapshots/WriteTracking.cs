namespace UffdActors.Kvm.Snapshots;

/// <summary>How writes of a guest are known.</summary>
internal enum WriteTracking
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>By write protection that the kernel clears (WP_ASYNC): no vCPU waits, and a scan finds what was written.</summary>
    Async,

    /// <summary>By write protection that is cleared here: a hook sees each page before it is written.</summary>
    Sync,
}
