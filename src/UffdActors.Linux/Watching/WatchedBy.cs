namespace UffdActors.Linux.Watching;

/// <summary>Who watches a VM, and how.</summary>
internal sealed record WatchedBy(LiveWatchdog Watchdog, WatchdogOptions Options);
