namespace UffdActors.Linux.Watching;

/// <summary>The watchdog of a VM, and its options.</summary>
internal sealed record WatchedBy(LiveWatchdog Watchdog, WatchdogOptions Options);
